"""The faces and voices of turns, from what was heard and seen."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mraf.extractors.streaming.parts import Heard, Observed, Seen
from mraf.pipeline.extraction.turns.evidence import turns_of_file
from mraf.pipeline.timeline.people.assembled import Assembled, Vectors
from mraf.pipeline.timeline.seen.tracks import WholeTrack
from mraf.pipeline.timeline.timeline import Person, Timeline, Turn
from mraf.recognition.pairs import Pairs

ANN, BOB = np.eye(4, dtype=np.float32)[:2]
FACE = np.eye(3, dtype=np.float32)
PAIRS = Pairs.of("dlib", "campplus")


def heard(start, stop, voice_at):
    """Spans of 1.5 s every 0.75 s, each of the voice at its time; speech throughout."""
    spans = np.array([(at, at + 1.5) for at in np.arange(start, stop - 1.5, 0.75)])
    starts = np.arange(start, max(start + 0.1, stop - 9.9), 2.5)
    activity = np.zeros((len(starts), 589, 3), np.uint8)
    activity[:, :, 0] = 230
    return Heard(
        starts=starts,
        activity=activity,
        vectors=np.array([voice_at(at) for at in spans[:, 0]], np.float32),
        seconds=np.full(len(spans), 1.5, np.float32),
        mfcc=np.zeros((0, 13), np.float32),
        spans=spans,
    )


def parts(voice_at, *, seen=True, count=2):
    shown = Seen(tracks=(), cuts=np.zeros(0), width=640, height=360) if seen else None
    edges = [60.0 * i for i in range(count + 1)]
    return [
        Observed(start=a, stop=b, heard=heard(a, b, voice_at), seen=shown)
        for a, b in itertools.pairwise(edges)
    ]


def track(*faces):
    """A face that is looked at every 10 s from the beginning."""
    return WholeTrack(
        times=np.arange(0, 10.0 * len(faces), 0.2),
        boxes=np.zeros((50 * len(faces), 4), np.float32),
        size=100.0,
        probability=0.9,
        best=90.0,
        vectors=np.array(faces, np.float32),
        vector_times=np.arange(len(faces)) * 10.0,
        first_tick=0,
        scores=np.zeros(0, np.float32),
        picture=b"",
    )


def assembled(*turns, tracks=(), notes=()):
    """Turns of (start, end, speaker, voice, seconds, track)."""
    names = list(dict.fromkeys(each[2] for each in turns))
    return Assembled(
        timeline=Timeline(
            path="talk.mp4",
            duration=120.0,
            people=tuple(Person(name=name, unknown=True) for name in names),
            turns=tuple(Turn(start=a, end=b, speaker=n, track=t) for a, b, n, _, _, t in turns),
            notes=notes,
        ),
        people=tuple(Vectors() for _ in names),
        turns=tuple(Vectors(voice=voice, seconds=s) for *_, voice, s, _ in turns),
        tracks=tracks,
    )


def test_a_turn_has_its_own_voice_and_the_face_that_is_seen_speaking_in_it():
    found = turns_of_file(
        assembled(
            (0.0, 12.0, "unknown 1", ANN, 11.0, 0),
            (12.0, 20.0, "unknown 2", BOB, 7.5, None),
            tracks=(track(FACE[0], FACE[0], FACE[1]),),
            notes=("out of step",),
        ),
        parts(lambda at: ANN),
        PAIRS,
    )
    first, second = found.turns
    assert found.notes == ("out of step",)
    assert (first.person, second.person) == (0, 1)
    assert np.array_equal(first.voice, ANN) and first.voice_seconds == 11.0
    assert np.allclose(first.face, FACE[0]) and first.face_frames == 2
    assert (first.face_size, first.face_quality, first.face_steadiness) == (100.0, 0.9, 1.0)
    assert second.face is None and second.face_reason == "not_seen_speaking"
    assert first.voice_quality == pytest.approx(230 / 255, abs=0.01)


def test_without_a_picture_that_is_the_reason():
    made = assembled((0.0, 12.0, "unknown 1", ANN, 11.0, None))
    (turn,) = turns_of_file(made, parts(lambda at: ANN, seen=False), PAIRS).turns
    assert turn.face_reason == "no_video"


def test_pieces_of_a_long_turn_have_voices_and_faces_of_their_own():
    def voice_at(at):
        if 40 <= at < 44:
            return BOB  # somebody else, in between
        return ANN if at < 45 else (ANN + 0.5 * np.eye(4)[2]) / np.sqrt(1.25)

    made = assembled(
        (0.0, 90.0, "unknown 1", ANN, 80.0, 0),
        tracks=(track(*[FACE[0]] * 3, *[FACE[2]] * 3),),
    )
    found = turns_of_file(made, parts(voice_at), PAIRS).turns
    assert [(turn.start, turn.end) for turn in found] == [(0, 30), (30, 60), (60, 90)]
    assert np.allclose(found[0].voice, ANN) and found[2].voice[2] > 0.4
    assert found[1].voice[1] == 0  # not the other one's
    assert found[0].voice_seconds == pytest.approx(29.5, abs=1.0)
    assert found[1].voice_seconds < 27.0
    assert np.allclose(found[0].face, (FACE[0] * 3 + FACE[2]) / np.sqrt(10), atol=0.01)
    assert np.allclose(found[1].face, FACE[2]) and found[1].face_frames == 3


def test_faces_of_a_turn_are_those_that_are_seen_when_it_was_said():
    made = assembled((0.0, 12.0, "unknown 1", ANN, 11.0, 0), tracks=(track(*FACE[[0, 2]]),))
    for late, faces in ((0.0, 2), (3.0, 1), (-3.0, 1)):
        (turn,) = turns_of_file(replace(made, late=late), parts(lambda at: ANN), PAIRS).turns
        assert turn.face_frames == faces


def test_a_piece_without_a_span_of_the_voice_has_none():
    made = assembled((0.0, 60.0, "unknown 1", ANN, 50.0, None))
    found = turns_of_file(made, parts(lambda at: ANN if at < 29 else BOB), PAIRS).turns
    assert found[0].voice is not None
    assert (found[1].voice, found[1].voice_reason) == (None, "turn_too_short")


@pytest.mark.parametrize(("voice", "own"), [("ecapa", True), ("campplus", False)])
def test_how_alike_a_span_and_its_voice_are_is_a_matter_of_the_encoder(voice, own):
    """The cosines of one are lower than those of the other: one limit for both kept other spans with each."""
    made = assembled((0.0, 60.0, "unknown 1", ANN, 50.0, None))
    faint = (0.2 * ANN + np.sqrt(0.96) * BOB).astype(np.float32)
    pairs = Pairs.of("dlib", voice)
    found = turns_of_file(made, parts(lambda at: ANN if at < 29 else faint), pairs).turns
    assert (found[1].voice is not None) == own


def test_a_part_without_sound_says_nothing():
    made = assembled((0.0, 12.0, "unknown 1", ANN, 11.0, None))
    silent = [Observed(start=0.0, stop=60.0, heard=None, seen=None)]
    (turn,) = turns_of_file(made, silent, PAIRS).turns
    assert turn.voice_quality == 0.0
