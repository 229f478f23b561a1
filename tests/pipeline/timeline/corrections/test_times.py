"""The times at which people of a timeline speak and are seen."""

import numpy as np

from mraf.pipeline.timeline.corrections.times import (
    Times,
    in_common,
    joined,
    length,
    overlapping,
    seen_in,
    shared,
    times_of,
)
from mraf.pipeline.timeline.seen.tracks import WholeTrack
from mraf.pipeline.timeline.timeline import Track
from tests.helpers.conversations import conversation, track

TALK = conversation()


def test_times_are_counted_once():
    assert joined([(3, 4), (0, 2), (1, 2.5), (2.5, 2.75)]) == [(0, 2.75), (3, 4)]
    assert shared([(0, 2), (1, 3), (5, 6)], [(2.5, 5.5)]) == 1.0
    assert shared([], [(0, 1)]) == 0.0 and length([(0, 2), (1, 3)]) == 3.0


def test_the_times_of_all_people():
    times = times_of(TALK)
    assert list(times) == ["Ann", "unknown 1", "unknown 2"]
    assert times["unknown 2"] == Times(speech=((24.0, 30.0),))
    assert times["unknown 1"].seen == ((10.4, 25.2), (52.0, 60.0))


def test_a_face_is_seen_as_long_as_when_the_timeline_was_made():
    for times in ((5.0,), (5.0, 5.2, 5.4)):
        boxes = np.zeros((len(times), 4), np.float32)
        whole = WholeTrack(
            times=np.array(times), boxes=boxes, size=90.0, quality=1.0, first_tick=0, picture=b"",
            vectors=np.zeros((0, 128), np.float32), vector_times=np.zeros(0),
            scores=np.zeros(0, np.float32),
        )  # fmt: skip
        shown = seen_in(Track(speaker="Ann", times=times, boxes=((0, 0, 1, 1),) * len(times)))
        assert shown == (whole.start, round(whole.stop, 3))
    assert seen_in(Track(speaker="Ann", times=(), boxes=())) is None


def test_who_speaks_and_is_seen_with_whom():
    times = times_of(conversation(tracks=(track("Ann", 5.0, 6.8), track("unknown 2", 6.0, 8.8))))
    found = in_common(times, times)
    assert found["Ann"] == {"Ann": 32.0, "unknown 2": 1.0}
    assert found["unknown 1"] == {"unknown 1": 22.5, "unknown 2": 1.0}


def test_spans_that_overlap_are_found_whatever_their_order():
    rng = np.random.default_rng(0)
    some, others = (
        [(a, a + b) for a, b in zip(rng.uniform(0, 50, 60), rng.exponential(2, 60), strict=True)]
        for _ in range(2)
    )
    expected = {
        (i, k)
        for i, (a, b) in enumerate(some)
        for k, (c, d) in enumerate(others)
        if min(b, d) > max(a, c)
    }
    assert sorted(overlapping(some, others)) == sorted(expected) and len(expected) > 20
    assert list(overlapping([(1.0, 1.0)], [(0.0, 2.0)])) == []
