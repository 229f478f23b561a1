"""Rows of a person of a timeline."""

from dataclasses import replace
from pathlib import Path

import pytest

from mraf.pipeline.timeline.corrections import enrolling
from mraf.pipeline.timeline.corrections.applied import corrected
from mraf.pipeline.timeline.corrections.edits import split_of
from mraf.pipeline.timeline.corrections.enrolling import rows_of
from mraf.pipeline.timeline.timeline import Turn
from mraf.pipeline.timeline.wishes import Wishes
from tests.helpers.conversations import conversation, person, track
from tests.helpers.timeline_maker import StandIn, assembled

SOURCE = StandIn(None, Wishes()).source(Path("talk.mp4"))


def test_a_turn_belongs_to_whoever_covers_it_best():
    talk = conversation()
    found = assembled(talk)
    # Corrected: Ann's first turn is in two pieces, and a longer one of somebody else goes over the second.
    first, *more = talk.turns
    turns = (
        replace(first, end=9.5, track=None),
        *more[:2],
        replace(more[2], speaker="Bob", start=29.0, end=55.0),
        more[2],
        *more[3:],
    )
    corrected = replace(talk, people=(*talk.people, person("Bob")), turns=turns)
    rows = rows_of("Ann", corrected, found, SOURCE)
    assert sorted((row.start, row.end) for row in rows) == [(0.0, 10.0), (30.0, 50.0)]


def test_each_turn_is_compared_with_those_beside_it_only(monkeypatch):
    """Each with each of 10,000 turns took 5 minutes for each name."""
    turns = tuple(
        Turn(start=4.0 * i, end=4.0 * i + 4.5, speaker=f"person {i % 2}") for i in range(3000)
    )
    people = (person("person 0"), person("person 1"))
    talk = conversation(turns=turns, people=people, tracks=(), duration=12_001.0)
    pairs = []
    overlapping = enrolling.overlapping

    def counted(*spans):
        for pair in overlapping(*spans):
            pairs.append(pair)
            yield pair

    monkeypatch.setattr(enrolling, "overlapping", counted)
    rows = rows_of("person 1", talk, assembled(talk), SOURCE)
    assert len(rows) == enrolling.MOST_TURNS and len(pairs) < 10_000


@pytest.mark.parametrize("part", ["0:30-0:50", "0:30-"])
def test_a_voice_from_outside_the_picture_is_not_enrolled_with_the_face_that_is_seen(part):
    """The listener's face would come into the model under the speaker's name."""
    talk = conversation(
        turns=(
            Turn(start=0.0, end=30.0, speaker="Ann", track=0),
            Turn(start=31.0, end=50.0, speaker="Ann", track=0),
        ),
        tracks=(track("Ann", 0.0, 100.0),),
        people=(person("Ann"),),
        duration=100.0,
    )
    by_hand = corrected(talk, split_of(f"Ann@{part}=Bob", talk))
    is_bobs = by_hand.tracks[0].speaker == "Bob"  # most of the shot lies in the second part
    (row,) = rows_of("Bob", by_hand, assembled(talk), SOURCE)
    assert (row.start, row.voice is None, row.face is None) == (31.0, False, not is_bobs)
    (row,) = rows_of("Ann", by_hand, assembled(talk), SOURCE)
    assert (row.start, row.face is None, row.face_frames) == (0.0, is_bobs, 5 * (not is_bobs))
