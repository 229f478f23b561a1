"""Turns as rows, and who of a file has its name."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from mraf.data.clips.clip import Clip
from mraf.pipeline.answers.words import REASONS
from mraf.pipeline.extraction.turns.features import (
    NOT_SPEAKING,
    TOO_SHORT,
    FileTurns,
    TurnFeatures,
    clip_of_turn,
    digest_of_turn,
    pieces,
    turn_rows,
)
from mraf.pipeline.extraction.turns.labels import main_person

CLIP = Clip("ann/talk.mp4", Path("/v/ann/talk.mp4"), speaker="ann", language="Urdu")
VOICE = np.ones(4, np.float32)


def turn(start, end, seconds=None, person=0, **more):
    given = {"voice": VOICE, "face_reason": NOT_SPEAKING, "voice_quality": 0.9}
    seconds = end - start if seconds is None else seconds
    return TurnFeatures(start=start, end=end, person=person, voice_seconds=seconds, **given | more)


def rows(*turns):
    return turn_rows(CLIP, FileTurns(turns=turns))


def test_a_row_says_whose_turn_it_is_and_when():
    (row,) = rows(turn(10.00049, 15.2, person=2))
    assert (row.clip, row.start, row.end) == ("ann/talk.mp4#10-15.2", 10.0, 15.2)
    assert (row.recording, row.language, row.person, row.speaker) == (CLIP.id, "Urdu", 2, None)
    assert (row.seconds, row.face_reason, row.voice_reason) == (5.2, NOT_SPEAKING, None)
    assert row.path == "/v/ann/talk.mp4"


def test_a_voice_of_too_little_speech_is_left_out_and_with_it_a_turn_without_a_face():
    assert rows(turn(0, 3, seconds=1.9)) == []
    (row,) = rows(turn(0, 3, seconds=1.9, face=VOICE, face_reason=None))
    assert row.voice is None and row.voice_reason == TOO_SHORT and row.face is not None
    assert {TOO_SHORT, NOT_SPEAKING} <= REASONS.keys()


def test_two_voices_that_begin_and_end_together_are_two_rows():
    found = rows(turn(0, 5), turn(0, 5, person=1))
    assert [row.clip for row in found] == ["ann/talk.mp4#0-5", "ann/talk.mp4#0-5.001"]
    assert len({digest_of_turn("d", row) for row in found}) == 2


def test_a_turn_as_a_clip_has_the_id_of_its_row():
    (row,) = rows(turn(10, 15.25))
    clip = clip_of_turn(CLIP, row.start, row.end, "bob")
    assert (clip.id, clip.recording, clip.speaker) == (row.clip, row.recording, "bob")
    assert clip_of_turn(CLIP, None, None, "ann") == CLIP


@pytest.mark.parametrize(("length", "count"), [(0.5, 1), (30, 1), (31, 2), (3600, 120)])
def test_long_turns_are_cut_into_equal_pieces(length, count):
    found = list(pieces(7.0, 7.0 + length))
    assert len(found) == count and (found[0][0], found[-1][1]) == (7.0, 7.0 + length)
    assert np.ptp([end - start for start, end in found]) < 1e-6
    assert all(one[1] == two[0] for one, two in itertools.pairwise(found))


def test_the_main_person_is_who_speaks_for_two_thirds_of_the_time():
    assert main_person(rows(turn(0, 20), turn(20, 30, person=1))) == 0
    assert main_person(rows(turn(0, 19), turn(20, 30, person=1))) is None
    assert main_person(rows(turn(0, 3, person=5))) == 5 and main_person([]) is None
