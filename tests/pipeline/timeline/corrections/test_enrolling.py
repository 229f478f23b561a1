"""Rows of a person of a timeline."""

from dataclasses import replace
from pathlib import Path

from mraf.pipeline.timeline.corrections import enrolling
from mraf.pipeline.timeline.corrections.enrolling import rows_of
from mraf.pipeline.timeline.timeline import Turn
from mraf.pipeline.timeline.wishes import Wishes
from tests.helpers.conversations import conversation, person
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
