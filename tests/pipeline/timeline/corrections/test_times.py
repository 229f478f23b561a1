"""The times at which people of a timeline speak and are seen."""

import numpy as np

from mraf.pipeline.timeline.corrections.times import (
    Times,
    in_common,
    seen_span,
    times_of,
)
from mraf.pipeline.timeline.seen.tracks import WholeTrack
from mraf.pipeline.timeline.timeline import Track
from tests.helpers.conversations import conversation, track

TALK = conversation()


def test_the_times_of_all_people():
    times = times_of(TALK)
    assert list(times) == ["Ann", "unknown 1", "unknown 2"]
    assert times["unknown 2"] == Times(speech=((24.0, 30.0),))
    assert times["unknown 1"].seen == ((10.4, 25.2), (52.0, 60.0))


def test_a_face_is_seen_as_long_as_when_the_timeline_was_made():
    for times in ((5.0,), (5.0, 5.2, 5.4)):
        boxes = np.zeros((len(times), 4), np.float32)
        whole = WholeTrack(
            times=np.array(times), boxes=boxes, size=90.0, probability=1.0, best=90.0, first_tick=0,
            vectors=np.zeros((0, 128), np.float32), vector_times=np.zeros(0),
            scores=np.zeros(0, np.float32), picture=b"",
        )  # fmt: skip
        shown = seen_span(Track(speaker="Ann", times=times, boxes=((0, 0, 1, 1),) * len(times)))
        assert shown == (whole.start, round(whole.stop, 3))
    assert seen_span(Track(speaker="Ann", times=(), boxes=())) is None


def test_who_speaks_and_is_seen_with_whom():
    times = times_of(conversation(tracks=(track("Ann", 5.0, 6.8), track("unknown 2", 6.0, 8.8))))
    found = in_common(times, times)
    assert found["Ann"] == {"Ann": 32.0, "unknown 2": 1.0}
    assert found["unknown 1"] == {"unknown 1": 22.5, "unknown 2": 1.0}


def test_times_are_cut_and_put_together():
    times = Times(speech=((0.0, 4.0), (6.0, 7.0)), seen=((3.0, 9.0),))
    assert times.between(1.0, 6.0) == Times(speech=((1.0, 4.0),), seen=((3.0, 6.0),))
    assert times.joined(Times(seen=((10.0, 11.0),))).seen == ((3.0, 9.0), (10.0, 11.0))
