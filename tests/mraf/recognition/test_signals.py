"""The signals of the speaker that a clip is most like."""

from types import SimpleNamespace

import pytest
import torch

from mraf.recognition.signals import ANY, COHORT, SIGNALS, compare, signals

NONE = torch.full((2,), ANY)
AWAY = -1e4


def output(face, voice, plain=None, fused=None):
    face, voice = torch.tensor(face), torch.tensor(voice)
    return SimpleNamespace(
        face_logits=face,
        voice_logits=voice,
        voice_plain=None if plain is None else torch.tensor(plain),
        face_plain=None,
        fusion_logits=torch.tensor(fused) if fused is not None else face + voice,
        face_used=(face > AWAY).any(dim=1),
        voice_used=(voice > AWAY).any(dim=1),
    )


def signals_of(out, level=NONE):
    found = compare(out)
    values = signals(found.scores, found.column, level)[0].tolist()
    return dict(zip(SIGNALS, values, strict=True)), found


def test_the_margin_is_to_the_mean_of_the_others():
    found, compared = signals_of(output([[0.9, 0.1, 0.3]], [[0.6, 0.2, 0.4]], [[0.5, 0.0, 0.0]]))
    assert compared.named.tolist() == [0] and compared.column.tolist() == [0]
    assert found["face"] == pytest.approx(0.9) and found["face_margin"] == pytest.approx(0.7)
    assert found["voice_margin"] == pytest.approx(0.3)
    assert found["voice_plain"] == pytest.approx(0.5)


def test_only_the_nearest_others_make_the_margin():
    others = [0.5] * COHORT + [-1.0] * 5
    found, _ = signals_of(output([[0.9, *others]], [[0.0] * 16]))
    assert found["face_margin"] == pytest.approx(0.4)


@pytest.mark.parametrize(("face", "voice", "column"), [(True, False, 2), (False, True, 1)])
def test_a_missing_modality_has_no_signal(face, voice, column):
    out = output(
        [[0.9, 0.1] if face else [AWAY, AWAY]],
        [[0.6, 0.2] if voice else [AWAY, AWAY]],
        [[0.4, 0.1]],
        fused=[[1.0, 0.0]],
    )
    found, compared = signals_of(out, torch.tensor([0.2, 0.2]))
    assert compared.column.tolist() == [column]
    hidden = [name for name in SIGNALS if name.startswith("voice" if face else "face")]
    assert all(found[name] == 0 for name in hidden)


def test_a_speaker_without_a_voice_is_compared_by_the_face():
    _, compared = signals_of(output([[0.9, 0.1]], [[AWAY, 0.2]], fused=[[1.0, 0.0]]))
    assert compared.column.tolist() == [2]


def test_a_gallery_of_few_does_not_flatter():
    level = torch.tensor([0.2, 0.1])
    few, _ = signals_of(output([[0.5, -0.6]], [[0.4, -0.5]]), level)
    assert few["face_margin"] == pytest.approx(0.3) and few["voice_margin"] == pytest.approx(0.3)


def test_a_gallery_of_one_works():
    for level, margin in ((NONE, 0.5), (torch.tensor([0.2, 0.1]), 0.3)):
        found, _ = signals_of(output([[0.5]], [[0.4]]), level)
        assert found["face_margin"] == pytest.approx(margin)
