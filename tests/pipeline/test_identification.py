import csv
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from mraf import checkpoint
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors.extractor import RULES, Extracted
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoicePart, VoiceResult
from mraf.extractors.weights import PUBLISHED as WEIGHTS
from mraf.pipeline import identification
from mraf.pipeline.identification import Identifier, identify
from mraf.pipeline.training.train import train
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.media_files import write_media
from tests.pipeline.extraction.test_processes import is_running, wait_until


def test_the_end_of_a_with_block_ends_the_decoder_and_a_later_call_starts_another(
    trained, sample_videos
):
    clip = sample_videos / "person01/Urdu/rec1/01.mp4"
    with Identifier(trained) as identifier:
        before = identifier(clip)
        (decoder,) = identifier._extractor._decoders
        pid = decoder.pid
        assert is_running(pid)
    wait_until(lambda: not is_running(pid))
    assert identifier(clip) == before
    identifier.close()
    assert decoder.pid is None


def test_a_list_of_clips_ends_with_a_closed_identifier(trained, tmp_path, monkeypatch):
    made, plain = [], identification.Identifier

    def make(*arguments, **options):
        made.append(plain(*arguments, **options))
        return made[0]

    monkeypatch.setattr(identification, "Identifier", make)
    (tmp_path / "broken.mp4").write_text("no video")
    (answer,) = identify([tmp_path / "broken.mp4"], workspace=trained)
    assert answer.speaker is None and "broken.mp4" in answer.error
    assert made[0]._extractor._decoders[0].pid is None


def test_the_configuration_of_a_model_is_read_once_and_its_training_clips_never(
    trained, monkeypatch
):
    read, whole = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or whole(path))
    Identifier(trained).close()
    folder = Workspace.at(trained).model()
    of_the_model = sorted(path.name for path in read if path.parent == folder)
    assert of_the_model == ["config.json", "labels.json", "metrics.json", "model.safetensors"]


def test_a_model_of_another_version_of_the_extraction_is_refused(trained, monkeypatch):
    monkeypatch.setattr("mraf.extractors.extractor.RULES", RULES + 1)
    with pytest.raises(
        UsageError,
        match=rf"rules={RULES}, but .*rules={RULES + 1}.*Run `mraf extract` and `mraf train`",
    ):
        Identifier(trained)


def without(modality: str, extracted: Path, folder: Path) -> Path:
    """A workspace with a model of the sample's features that lack a modality."""
    missing = {
        modality: None,
        f"{modality}_reason": "no_face" if modality == "face" else "no_audio",
    }
    with Workspace.at(folder).table.writer() as writer:
        for row in Workspace.at(extracted).table.rows():
            writer.add(replace(row, **missing))
    train(folder, languages=("English",), options=PrototypeOptions(steps=2))
    return folder


def seen_and_heard(sample_videos: Path) -> Path:
    """A sample clip with a face and speech."""
    with (sample_videos / "sample.csv").open(encoding="utf-8", newline="") as file:
        return sample_videos / next(
            row["path"]
            for row in csv.DictReader(file)
            if (row["face"], row["sound"]) == ("seen", "speech")
        )


def picture_of(clip: Path, path: Path) -> Path:
    """The first frame of a video."""
    with av.open(str(clip)) as container:
        next(container.decode(video=0)).to_image().save(path)
    return path


def sound_of(clip: Path, path: Path) -> Path:
    """The sound of a video, as a WAV file."""
    with av.open(str(clip)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    wave = np.concatenate(frames).astype(np.float32)
    return write_media(path, wave=wave, rate=rate, audio_codec="pcm_s16le")


@pytest.mark.parametrize(
    ("unlearned", "part_of", "said"),
    [
        ("face", picture_of, "the model has learned no faces, and there is no voice in the clip"),
        ("voice", sound_of, "the model has learned no voices, and there is no face in the clip"),
    ],
)
def test_a_clip_with_only_what_the_model_never_learned_is_not_named(
    extracted, sample_videos, tmp_path, unlearned, part_of, said
):
    clip = seen_and_heard(sample_videos)
    part = part_of(clip, tmp_path / ("part.jpg" if unlearned == "face" else "part.wav"))
    with Identifier(without(unlearned, extracted, tmp_path / "place")) as identifier:
        answer, whole = identifier(part), identifier(clip)
    assert (answer.speaker, answer.probability, answer.candidates) == (None, None, ())
    assert answer.error == said
    shown = getattr(answer, unlearned)
    assert shown.present and shown.weight == 0 and shown.reason is None
    assert whole.speaker == clip.relative_to(sample_videos).parts[0]
    assert getattr(whole, unlearned).present and getattr(whole, unlearned).weight == 0


def with_meta(trained: Path, folder: Path, **changes: object) -> Path:
    """A workspace with the same model, with other values in its fingerprint."""
    plain = checkpoint.load(Workspace.at(trained).model())
    meta = {**plain.meta, "fingerprint": {**plain.meta["fingerprint"], **changes}}
    checkpoint.save(folder / "models" / "other", replace(plain, meta=meta), "")
    return folder


EARLIER = {
    **{"face": "facenet", "face_weights": "polysim", "voice": "ecapa", "voice_weights": "polysim"},
    **{"frames": None, "seconds": None, "rules": None, "polysim": "v1"},
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (EARLIER, "'other' .*earlier version.*: import the features and train again"),
        ({"face": "facenet", "face_weights": "other"}, "vectors of face=facenet@other"),
        ({"voice": "gone"}, "voice=gone@.* no such encoder"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_before_weights_are_looked_for(
    trained, tmp_path, monkeypatch, changes, said
):
    monkeypatch.setattr(identification, "choose", lambda **_: pytest.fail("looked for weights"))
    with pytest.raises(UsageError, match=said) as caught:
        Identifier(with_meta(trained, tmp_path, **changes))
    assert "--face" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("config.json", (b'"version": ', b'"version": 1'), "a later version of mraf .*: upgrade"),
        ("model.safetensors", (b"temperature", b"temperaturf"), r"safetensors: .* SHA-256"),
    ],
)
def test_a_model_that_cannot_be_read_is_refused_before_weights_are_looked_for(
    trained, tmp_path, monkeypatch, name, change, said
):
    monkeypatch.setattr(identification, "choose", lambda **_: pytest.fail("looked for weights"))
    file = with_meta(trained, tmp_path) / "models" / "other" / name
    before = file.read_bytes()
    file.write_bytes(before.replace(*change))
    assert file.read_bytes() != before
    with pytest.raises(MrafError, match=said):
        Identifier(tmp_path)


def test_the_weights_of_a_model_of_published_vectors_are_then_looked_for(
    trained, tmp_path, monkeypatch
):
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    monkeypatch.setattr("mraf.extractors.weights.cache_dir", lambda: tmp_path / "none")
    versions = {
        f"{modality}_weights": WEIGHTS[name].sha256[:12]
        for modality, name in (("face", "facenet"), ("voice", "ecapa"))
    }
    folder = with_meta(trained, tmp_path, **EARLIER | versions)
    with pytest.raises(MissingError, match="weights of 'facenet' .*--offline"):
        Identifier(folder, offline=True)


@pytest.fixture
def answer_to(trained, extracted, monkeypatch):
    """Answer a clip that an extractor is said to have found; `rows` has a seen and heard one of each speaker."""
    rows = {
        row.speaker: row
        for row in Workspace.at(extracted).table.rows()
        if row.face is not None and row.voice is not None and row.language == "English"
    }
    with Identifier(trained) as identifier:

        def answer(face=None, voice=None, voices=(), perhaps=(), overlap=0.0, **more):
            heard = VoiceResult(
                vector=None if voice is None else rows[voice].voice,
                reason=None if voice else "no_speech",
                voices=tuple(VoicePart(vector=rows[name].voice, seconds=3.0) for name in voices),
                perhaps=tuple(VoicePart(vector=rows[name].voice, seconds=3.0) for name in perhaps),
                overlap=overlap,
                seconds=6.0,
            )
            seen = FaceResult(
                vector=None if face is None else rows[face].face, reason=None if face else "no_face"
            )
            found = Extracted(face=seen, voice=heard, **more)
            monkeypatch.setattr(identifier, "_extractor", lambda *_: found)
            monkeypatch.setattr(identifier, "close", lambda: None)
            return identifier("clip.mp4")

        yield answer
        monkeypatch.undo()


def test_a_face_that_is_not_the_voice_s_is_told_and_the_answer_is_not_certain(answer_to):
    answer = answer_to(face="person01", voice="person02")
    assert {each.speaker for each in answer.candidates[:2]} == {"person01", "person02"}
    assert answer.probability < 0.95
    assert (answer.face.speaker, answer.voice.speaker) == ("person01", "person02")
    (note,) = answer.notes
    assert "the face alone looks like person01" in note
    assert "the voice alone sounds like person02" in note
    whole = answer_to(face="person01", voice="person01")
    assert whole.speaker == "person01" and whole.notes == ()
    assert whole.face.speaker == whole.voice.speaker == "person01"


def test_several_voices_without_a_face_are_all_candidates(answer_to):
    answer = answer_to(voice="person01", voices=("person02", "person01"))
    assert answer.notes[0].startswith("two voices are heard")
    assert answer.face.speaker is None
    if "first like person02, then like person01" in answer.notes[0]:
        assert {each.speaker for each in answer.candidates[:2]} == {"person01", "person02"}
        assert answer.probability < 0.6


def test_parts_of_a_voice_that_the_model_names_otherwise_are_two_voices(answer_to):
    answer = answer_to(voice="person01", perhaps=("person02", "person01"))
    assert answer.notes == ("two voices are heard: first like person02, then like person01",)
    assert answer.probability < 0.6
    assert [each.speaker for each in answer.voice.voices] == ["person02", "person01"]
    one = answer_to(voice="person01", perhaps=("person01", "person01"))
    assert one.notes == () and one.voice.voices == () and one.probability > 0.9


def test_several_voices_or_two_at_once_are_not_one_name_for_certain(answer_to):
    alone = answer_to(voice="person01")
    same = answer_to(voice="person01", voices=("person01", "person01"))
    assert same.notes == ("two voices are heard",) and same.probability < 0.8
    mixed = answer_to(voice="person01", overlap=5.5)
    assert mixed.notes == ("two people speak at once for 5.5 s",)
    assert mixed.speaker == "person01" and mixed.probability < 0.75 < alone.probability
    assert answer_to(voice="person01", overlap=1.0).probability == alone.probability
    shown = mixed.as_dict()
    assert shown["voice"]["overlap"] == 5.5 and "overlap" not in shown["face"]
    (first, _) = same.as_dict()["voice"]["voices"]
    assert set(first) == {"seconds", "side", "speaker", "probability", "known"}
    assert (first["seconds"], first["speaker"]) == (3.0, "person01")


def test_where_only_the_beginning_was_read_the_reasons_and_notes_say_so(answer_to):
    nothing = answer_to(seconds=3600.0, seconds_read=120.0)
    assert nothing.error == (
        "nothing to identify: no face found in the first 10 min of 1 h, and no speech heard in the "
        "first 10 min of 1 h"
    )
    named = answer_to(voice="person01", seconds=3600.0, seconds_read=120.0)
    assert named.notes == (
        "of 1 h only the first 2 min were read: `mraf timeline` names everybody",
    )
    assert (named.seconds, named.seconds_read) == (3600.0, 120.0)
