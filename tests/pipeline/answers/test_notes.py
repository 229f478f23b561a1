import numpy as np
import pytest

from mraf.extractors.extractor import Extracted
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.second_looks import SEARCHED
from mraf.extractors.voice.embed import VoicePart, VoiceResult
from mraf.pipeline.answers.answer import Evidence, Voice
from mraf.pipeline.answers.notes import conflict, different_names, notes_on
from mraf.pipeline.answers.people import Answer, Conflict


def found(*sides: str | None, people: int = 1, **more) -> Extracted:
    voices = tuple(VoicePart(vector=np.ones(1), seconds=3, side=side) for side in sides)
    face = FaceResult(vector=np.ones(1), people=people)
    return Extracted(face=face, voice=VoiceResult(voices=voices), **more)


def named(**probability: float) -> list[Voice]:
    return [
        Voice(seconds=3, speaker=name, probability=p, known=0.99) for name, p in probability.items()
    ]


STRANGER = Voice(seconds=3, known=0.01)


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
        "of 9 min only the first 2 min were read: `mraf timeline` names everybody",
        "of the file",
    )
    later = f"{SEARCHED} a voice: it is from 4:00 to 6:00 (min:s)"
    notes = notes_on(found(seconds=540, seconds_read=120, notes=(later,)), [], ())
    everybody = "`mraf timeline` names everybody"
    assert notes == (f"of 9 min the first 2 min were read: {everybody}", later)
    said = notes_on(found(seconds_read=120), [], ())
    assert said == (f"only the first 2 min were read: {everybody}",)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([*named(Ann=0.99), STRANGER], ": first like Ann, then somebody unknown"),
        ([STRANGER, *named(Ann=0.99)], ": first somebody unknown, then like Ann"),
        ([STRANGER, STRANGER], ", of nobody that the model knows"),
        ([*named(Ann=0.6), STRANGER], ""),  # of whom it is not sure
        ([*named(Ann=0.99), *named(Ann=0.99), STRANGER], ""),  # two voices of one person
    ],
)
def test_no_stranger_s_voice_is_named(parts, said):
    number = {2: "two", 3: "3"}[len(parts)]
    notes = notes_on(found(*[None] * len(parts)), parts, ())
    assert notes == (f"{number} voices are heard{said}",)
    assert not different_names(parts)


FACE = Evidence(present=True, speaker="Bob", probability=0.97, known=0.9)
VOICE = Evidence(present=True, speaker="Ann", probability=0.9999, known=0.9)
UNKNOWN = Evidence(present=True, known=0.12)


@pytest.mark.parametrize(
    ("kind", "face", "voice", "known", "said"),
    [
        (
            Conflict.TWO,
            FACE,
            VOICE,
            0.9,
            "face and voice disagree: the face alone looks like Bob (97 %), the voice alone sounds like Ann "
            "(over 99 %); the question is who speaks, so the voice counts more",
        ),
        (
            Conflict.STRANGE_VOICE,
            FACE,
            UNKNOWN,
            0.1,
            "the face alone looks like Bob (97 %), but the voice is that of nobody that the model knows; "
            "the question is who speaks, so nobody is named",
        ),
        (
            Conflict.STRANGE_FACE,
            UNKNOWN,
            VOICE,
            0.9,
            "the voice alone sounds like Ann (over 99 %), but the face is that of nobody that the model "
            "knows; the question is who speaks, so the voice counts more",
        ),
        (
            Conflict.BY_FACE,
            FACE,
            UNKNOWN,
            0.9,
            "named by the face: the voice alone is not recognised (12 % that it is an enrolled person's)",
        ),
        (
            Conflict.UNHEARD,
            FACE,
            UNKNOWN,
            0.9,
            "the face alone looks like Bob (97 %); the voice could not be compared: the model has none of Bob",
        ),
        (
            Conflict.UNSEEN,
            UNKNOWN,
            VOICE,
            0.9,
            "the voice alone sounds like Ann (over 99 %); the face could not be compared: the model has none "
            "of Ann",
        ),
    ],
)
def test_the_note_on_two_people_says_what_each_modality_says(kind, face, voice, known, said):
    answer = Answer(probability=np.ones(1), known=known, threshold=0.5, conflict=kind)
    assert conflict(answer, face, voice) == (said,)


def test_there_is_no_note_without_a_conflict():
    answer = Answer(probability=np.ones(1), known=None, threshold=None)
    assert conflict(answer, FACE, VOICE) == ()


def test_why_sound_or_picture_cannot_be_read_is_told():
    face = FaceResult(reason="decode_error", problem="there is no decoder for encv")
    voice = VoiceResult(reason="decode_error", problem="there is no decoder for AC-4")
    assert notes_on(Extracted(face=face, voice=voice), [], ()) == (
        "the picture cannot be read: there is no decoder for encv",
        "the sound cannot be read: there is no decoder for AC-4",
    )
