"""Comparison of two clips, with an extractor that finds what it is said to."""

import numpy as np
import pytest

import mraf
from mraf.data.clips.clip import Clip
from mraf.errors import MediaError, UsageError
from mraf.extractors.extractor import Extracted
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoicePart, VoiceResult
from mraf.pipeline.people.compare import compare, compare_with
from mraf.recognition.pairs import Pairs

PAIRS = Pairs.of("facenet", "ecapa")


def unit(cosine: float) -> np.ndarray:
    """A vector with this cosine to [1, 0]."""
    return np.array([cosine, np.sqrt(1 - cosine**2)], np.float32) * 3


def found(face=None, voice=None, seconds=5.0, voices=(), **more) -> Extracted:
    return Extracted(
        face=FaceResult(
            vector=None if face is None else unit(face), reason="no_face" if face is None else None
        ),
        voice=VoiceResult(
            vector=None if voice is None else unit(voice),
            reason="no_speech" if voice is None else None,
            seconds=0.0 if voice is None else seconds,
            voices=voices,
        ),
        **more,
    )


@pytest.fixture
def between(tmp_path):
    """Compare two clips of which this was found."""

    def ask(one: Extracted, two: Extracted):
        results = {tmp_path / "a.mp4": one, tmp_path / "b.mp4": two}
        for path in results:
            path.write_text(path.name)
        return compare_with(lambda video, *_: results[video], PAIRS, *results)

    return ask


@pytest.mark.parametrize(
    ("face", "voice", "verdict"),
    [
        (0.7, 0.6, "same person"),
        (0.1, 0.0, "different people"),
        (0.45, 0.25, "cannot tell"),
        (0.8, None, "same person"),
        (None, 0.6, "same person"),
        (0.0, None, "different people"),
        (None, -0.1, "different people"),
        (0.8, -0.1, "cannot tell"),
        (0.0, 0.7, "cannot tell"),
    ],
)
def test_the_verdict(between, face, voice, verdict):
    one = found(face=None if face is None else 1.0, voice=None if voice is None else 1.0)
    answer = between(one, found(face=face, voice=voice))
    assert answer.verdict == verdict
    assert answer.same is {"same person": True, "different people": False}.get(verdict)
    assert (answer.face.probability is None) == (face is None)
    assert (answer.voice.probability is None) == (voice is None)


def test_dubbing_and_narration_are_told(between):
    (note,) = between(found(face=1.0, voice=1.0), found(face=0.9, voice=-0.1)).notes
    assert "dubbed" in note
    (note,) = between(found(face=1.0, voice=1.0), found(face=0.0, voice=0.8)).notes
    assert "unseen" in note


def test_a_face_and_a_voice_cannot_be_compared(between):
    answer = between(found(face=1.0), found(voice=1.0))
    assert (answer.same, answer.probability, answer.verdict) == (None, None, "cannot tell")
    assert answer.notes == ("the two clips have neither a face nor a voice in common to compare",)
    assert "b.mp4: no face found" in answer.face.missing[0]
    assert "a.mp4: no speech heard" in answer.voice.missing[0]


def test_short_speech_decides_nothing_alone(between):
    answer = between(found(voice=1.0, seconds=1.5), found(voice=0.95))
    assert answer.verdict == "cannot tell" and 0.5 < answer.probability < 0.9
    assert "only 1.5 s of speech in" in answer.notes[0]
    other = between(found(voice=1.0), found(voice=-0.5, seconds=1.0))
    assert other.verdict == "cannot tell"
    both = between(found(face=1.0, voice=1.0, seconds=1.5), found(face=0.9, voice=0.9))
    assert both.verdict == "same person"


def test_several_voices_are_not_compared(between):
    two = tuple(VoicePart(vector=unit(x), seconds=3.0) for x in (1.0, 0.0))
    answer = between(found(voice=1.0, voices=two), found(voice=1.0))
    assert answer.verdict == "cannot tell" and "a.mp4: several voices" in answer.voice.missing[0]
    assert any("two voices are heard" in note for note in answer.notes)


def test_equal_clips_are_never_certain_and_notes_name_their_file(between):
    answer = between(found(face=1.0, voice=1.0, notes=("track 2",)), found(face=1.0, voice=1.0))
    assert answer.probability == 0.999
    (note,) = answer.notes
    assert note.endswith("a.mp4: track 2")
    shown = answer.as_dict()
    assert set(shown) == {"a", "b", "same", "verdict", "probability", "face", "voice", "notes"}
    assert set(shown["face"]) == {"probability", "cosine", "missing"}


def test_one_file_under_two_names_is_told(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_text("equal")
    both = tmp_path / "a.mp4", tmp_path / "b.mp4"
    answer = compare_with(lambda *_: found(face=1.0), PAIRS, *both)
    assert "are the same file" in answer.notes[0]
    parts = [Clip("c", both[0], start=0, end=2), Clip("c", both[0], start=4, end=6)]
    assert not compare_with(lambda *_: found(face=1.0), PAIRS, *parts).notes


def test_a_file_that_cannot_be_read_is_named_once(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_text(name)

    def broken(*_: object) -> Extracted:
        raise MediaError("a.mp4: not a video")

    with pytest.raises(MediaError) as raised:
        compare_with(broken, PAIRS, tmp_path / "a.mp4", tmp_path / "b.mp4")
    assert str(raised.value) == f"{tmp_path / 'a.mp4'}: not a video"


def test_files_that_are_not_there_are_refused_before_anything_is_loaded(tmp_path):
    (tmp_path / "a.mp4").write_text("video")
    with pytest.raises(UsageError, match=r"b\.mp4: is not there"):
        compare(tmp_path / "a.mp4", tmp_path / "b.mp4", workspace=tmp_path)
    with pytest.raises(UsageError, match="is a folder"):
        compare(tmp_path, tmp_path / "a.mp4", workspace=tmp_path)


def test_an_unreadable_clip_is_named(tmp_path):
    def broken(*_):
        raise MediaError("moov atom not found")

    for name in ("a.mp4", "b.mp4"):
        (tmp_path / name).write_text(name)
    with pytest.raises(MediaError, match=r"a\.mp4: moov atom"):
        compare_with(broken, PAIRS, tmp_path / "a.mp4", tmp_path / "b.mp4")


@pytest.mark.shared
@pytest.mark.weights
def test_real_people_are_told_apart_without_a_model(real_videos, packaged, tmp_path):
    ask = {"workspace": tmp_path / "none", "encoders": packaged}
    one = real_videos / "spk08/English/v1/00001.mp4"
    same = mraf.compare(one, real_videos / "spk08/English/v2/00003.mp4", **ask)
    other = mraf.compare(one, real_videos / "spk04/English/v1/00001.mp4", **ask)
    alike = mraf.compare(one, real_videos / "spk02/English/v1/00001.mp4", **ask)
    assert same.verdict == "same person" and same.face.probability > 0.9
    assert other.verdict == "different people" and alike.verdict != "same person"
