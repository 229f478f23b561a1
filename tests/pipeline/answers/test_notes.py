import numpy as np

from mraf.extractors.extractor import Extracted
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.second_looks import SEARCHED
from mraf.extractors.voice.embed import VoicePart, VoiceResult
from mraf.pipeline.answers.answer import Candidate, Evidence
from mraf.pipeline.answers.notes import different_names, disagreement, notes_on


def found(*sides: str | None, people: int = 1, **more) -> Extracted:
    voices = tuple(VoicePart(vector=np.ones(1), seconds=3, side=side) for side in sides)
    face = FaceResult(vector=np.ones(1), people=people)
    return Extracted(face=face, voice=VoiceResult(voices=voices), **more)


def named(**probability: float) -> list[Candidate]:
    return [Candidate(speaker=name, probability=p) for name, p in probability.items()]


def test_an_ordinary_clip_has_no_notes():
    assert notes_on(found(), [], ()) == ()
    assert notes_on(found(seconds=100, seconds_read=None), [], ()) == ()


def test_several_voices_are_named_where_all_are_recognised():
    sure = named(Ann=0.99, Bob=0.95)
    assert notes_on(found(None, None), sure, ()) == (
        "two voices are heard: first like Ann, then like Bob",
    )
    assert notes_on(found("left", "right"), sure, ()) == (
        "two voices are heard: left like Ann, right like Bob",
    )
    for unsure in (named(Ann=0.99, Bob=0.6), named(Ann=0.99) * 2, []):
        assert notes_on(found(None, None), unsure, ()) == ("two voices are heard",)
        assert not different_names(unsure)


def test_what_was_not_read_and_who_else_is_seen_is_told():
    notes = notes_on(found(people=3, seconds=540, seconds_read=120, notes=("of the file",)), [], ())
    assert notes == (
        "3 people are seen; the face is the largest of those who stay",
        "of 9 min only the first 2 min were read",
        "of the file",
    )
    later = f"{SEARCHED} a voice: it is from 4:00 to 6:00 (min:s)"
    notes = notes_on(found(seconds=540, seconds_read=120, notes=(later,)), [], ())
    assert notes == ("of 9 min the first 2 min were read", later)
    assert notes_on(found(seconds_read=120), [], ()) == ("only the first 2 min were read",)


def test_the_note_on_a_contradiction_names_both():
    face = Evidence(present=True, speaker="Bob", probability=0.97)
    voice = Evidence(present=True, speaker="Ann", probability=0.9999)
    assert disagreement(face, voice) == (
        "face and voice disagree: the face alone looks like Bob (97 %), the voice alone sounds like Ann "
        "(over 99 %); who speaks is asked, so the voice counts more"
    )


def test_why_sound_or_picture_cannot_be_read_is_told():
    face = FaceResult(reason="decode_error", problem="there is no decoder for encv")
    voice = VoiceResult(reason="decode_error", problem="there is no decoder for AC-4")
    assert notes_on(Extracted(face=face, voice=voice), [], ()) == (
        "the picture cannot be read: there is no decoder for encv",
        "the sound cannot be read: there is no decoder for AC-4",
    )
