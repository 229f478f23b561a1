from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.inference.prediction import predict
from mraf.prototypes.enrolment import SPEAKERS_AT_START, blank, enrolled, forgotten, merged
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.fusion import evidence
from mraf.prototypes.model import PrototypeModel
from mraf.prototypes.options import PrototypeOptions
from mraf.types import Features
from tests.mraf.conftest import made_features

QUICK = PrototypeOptions(steps=2, batch_size=16, centre=False, voice_shrinkage=1.0)
"""Nothing is learned of the clips together, so that a model of some can be compared with one of all."""
LEARNED = replace(QUICK, centre=True, voice_shrinkage=0.85)


def of(clips: Features, *speakers: int) -> Features:
    return clips.take(np.isin(clips.label, speakers))


def trained(clips: Features, classes: int, options: PrototypeOptions = QUICK) -> PrototypeModel:
    torch.manual_seed(0)
    return fit_uncalibrated(clips, classes, replace(options, steps=0))


def tensors(model: PrototypeModel, *names: str) -> dict[str, np.ndarray]:
    state = model.state_dict()
    return {
        f"{part}.{n}": state[f"{part}.{n}"].numpy() for part in ("face", "voice") for n in names
    }


def test_a_newcomer_gets_the_prototype_that_training_would_give():
    clips = made_features(speakers=6, missing=0.2)
    whole = trained(clips, 6)
    model = enrolled(trained(of(clips, 0, 1, 2, 3, 4), 5), of(clips, 5), None)
    names = ("means", "prototypes", "count", "known")
    for name, value in tensors(model, *names).items():
        np.testing.assert_allclose(value, tensors(whole, *names)[name], atol=1e-6, err_msg=name)
    assert model.recogniser.recordings.tolist() == whole.recogniser.recordings.tolist()
    assert model.config.classes == 6 and not model.training
    for part in ("face", "voice"):  # measured by recordings, and in training by clips
        offset = getattr(model, part).offset[5], getattr(whole, part).offset[5]
        np.testing.assert_allclose(*offset, atol=0.05)


def test_more_recordings_of_a_person_count_as_much_as_the_first_ones():
    clips = made_features(recordings=5)
    first = np.isin(clips.recording % 5, (0, 1, 2)) | (clips.label != 2)
    model = trained(clips.take(first), 6)
    for recording in (3, 4):  # one after the other
        model = enrolled(model, clips.take(clips.recording == 10 + recording), 2)
    whole = trained(clips, 6)
    names = ("means", "prototypes", "count")
    for name, value in tensors(model, *names).items():
        np.testing.assert_allclose(value, tensors(whole, *names)[name], atol=1e-5, err_msg=name)
    assert model.recogniser.recordings.tolist() == [5.0] * 6


@pytest.mark.parametrize("fusion", ["posterior", "mean"])
def test_the_others_stay_as_they_were(fusion):
    clips = made_features(speakers=7)
    options = replace(LEARNED, fusion=fusion)
    before = trained(of(clips, *range(6)), 6, options)
    after = enrolled(before, of(clips, 6), None)
    for name, value in tensors(after, "prototypes", "offset", "count").items():
        np.testing.assert_array_equal(value[:6], before.state_dict()[name], err_msg=name)
    test = of(made_features(speakers=7, session=1), *range(6))
    for shown in (test, test.without_face(), test.without_voice()):
        old, new = predict(before, shown).probability, predict(after, shown).probability
        taken = new[:, 6]
        # Half the sum of all changes is what the newcomer takes. Beside another modality it is a
        # little more: what a newcomer takes of the evidence leaves the share of wrong vectors.
        change = np.abs(np.pad(old, ((0, 0), (0, 1))) - new).sum(axis=1) / 2
        assert (change <= (1.5 if shown is test else 1.001) * taken + 1e-6).all()
    newcomer = predict(after, of(made_features(speakers=7, session=1), 6)).probability
    assert (newcomer.argmax(axis=1) == 6).mean() > 0.9


def test_the_k_of_evidence_stays_that_of_training():
    clips = made_features(speakers=7)
    before = trained(of(clips, *range(6)), 6)
    after = enrolled(enrolled(before, of(clips, 6), None), of(clips, 6), None)
    assert (before.config.face_speakers, before.config.voice_speakers) == (0, 0)
    assert (after.config.face_speakers, after.config.voice_speakers) == (6, 6)
    score = torch.tensor([[0.9, 0.1, 0.0, -5.0]])
    L, _ = evidence(score[:, :3], torch.tensor(0.1), 0.2)
    with_newcomer, _ = evidence(score, torch.tensor(0.1), 0.2, 3)
    np.testing.assert_allclose(with_newcomer[:, :3], L, rtol=1e-6)
    assert not np.allclose(evidence(score, torch.tensor(0.1), 0.2)[0][:, :3], L, rtol=1e-2)


def test_the_offset_of_a_newcomer_does_not_depend_on_who_came_before():
    clips = made_features(speakers=8)
    model = trained(of(clips, *range(6)), 6, LEARNED)
    one = enrolled(enrolled(model, of(clips, 6), None), of(clips, 7), None)
    other = enrolled(enrolled(model, of(clips, 7), None), of(clips, 6), None)
    for part in ("face", "voice"):
        np.testing.assert_allclose(
            getattr(one, part).offset[[6, 7]], getattr(other, part).offset[[7, 6]], atol=1e-7
        )
        assert getattr(one, part).offset[6] != 0


def test_a_hub_among_newcomers_gets_a_larger_offset():
    clips = made_features(speakers=7, noise=0.05)
    model = trained(of(clips, *range(6)), 6)
    middle = of(clips, 6)
    towards = torch.linalg.svd(model.face.cohort).Vh[0].numpy()  # what the others share most
    hub = replace(middle, face=np.tile(towards, (len(middle), 1)))
    assert enrolled(model, hub, None).face.offset[6] > enrolled(model, middle, None).face.offset[6]


def test_who_is_forgotten_leaves_nothing_and_the_others_stay():
    clips = made_features(speakers=6)
    model = trained(clips, 6, LEARNED)
    model.recogniser.recordings[:] = torch.arange(6)
    less = forgotten(model, 2)
    others = [0, 1, 3, 4, 5]
    assert less.config.classes == 5 and less.recogniser.recordings.tolist() == others
    for name, value in tensors(less, "prototypes", "offset", "means").items():
        np.testing.assert_array_equal(value, model.state_dict()[name][others], err_msg=name)
    for part, old in ((less.face, model.face), (less.voice, model.voice)):
        mine = old.cohort_speaker == 2
        assert mine.any() and len(part.cohort) == len(old.cohort) - int(mine.sum())
        expected = [others.index(i) for i in old.cohort_speaker[~mine].tolist()]
        assert part.cohort_speaker.tolist() == expected
        assert not any(np.allclose(row, old.cohort[mine][0]) for row in part.cohort)
    assert less.config.face_speakers == 6


def test_to_forget_a_newcomer_restores_the_answers():
    clips = made_features(speakers=7)
    before = trained(of(clips, *range(6)), 6, LEARNED)
    after = forgotten(enrolled(before, of(clips, 6), None), 6)
    test = made_features(speakers=7, session=1)
    old, new = predict(before, test).probability, predict(after, test).probability
    np.testing.assert_allclose(old, new, atol=1e-6)


def test_two_become_one_as_if_trained_so():
    clips = made_features(speakers=6)
    whole = trained(
        replace(clips, label=np.where(clips.label == 4, 1, clips.label) - (clips.label > 4)), 5
    )
    one = merged(trained(clips, 6), 1, 4)
    names = ("means", "prototypes", "count", "known")
    for name, value in tensors(one, *names).items():
        np.testing.assert_allclose(value, tensors(whole, *names)[name], atol=1e-6, err_msg=name)
    assert one.recogniser.recordings.tolist() == [3.0, 6.0, 3.0, 3.0, 3.0]
    assert sorted(one.face.cohort_speaker.tolist()) == sorted(whole.face.cohort_speaker.tolist())


def test_a_gallery_of_one():
    clips = made_features(speakers=2)
    model = enrolled(blank(10, 8, face="facenet", voice="ecapa"), of(clips, 0), 0)
    assert model.config.classes == 1 and model.config.face_speakers == SPEAKERS_AT_START
    found = predict(model, made_features(speakers=2, session=1))
    mine = np.arange(len(found)) < len(found) / 2
    np.testing.assert_allclose(found.probability, 1)
    assert np.isfinite(found.known).all()
    assert found.known[mine].min() > found.known[~mine].max()
    with pytest.raises(UsageError, match="its last one"):
        forgotten(model, 0)


def test_a_newcomer_with_a_voice_alone():
    clips = made_features(speakers=6)
    model = enrolled(trained(of(clips, *range(5)), 5), of(clips, 5).without_face(), None)
    assert model.face.known.tolist() == [True] * 5 + [False] and model.voice.known.all()
    test = of(made_features(speakers=6, session=1), 5)
    assert (predict(model, test.without_face()).probability.argmax(axis=1) == 5).mean() > 0.8


def test_a_model_that_knew_no_faces_learns_the_first():
    clips = made_features(speakers=6)
    model = enrolled(trained(of(clips, *range(5)).without_face(), 5), of(clips, 5), None)
    assert model.face.known.tolist() == [False] * 5 + [True]
    assert (model.config.face_speakers, model.config.voice_speakers) == (5, 5)
    found = predict(model, of(made_features(speakers=6, session=1), 5))
    assert (found.probability.argmax(axis=1) == 5).all()


def test_clips_that_cannot_be_enrolled():
    clips = made_features(speakers=3)
    model = trained(clips, 3)
    with pytest.raises(UsageError, match="no clip has a face or a voice"):
        enrolled(model, clips.without_face().without_voice(), None)
    with pytest.raises(UsageError, match="the face vectors have 11 numbers each"):
        enrolled(model, replace(clips, face=np.zeros((len(clips), 11), np.float32)), None)
