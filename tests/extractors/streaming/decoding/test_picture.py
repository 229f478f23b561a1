from types import SimpleNamespace

import pytest

from mraf.extractors.streaming.decoding.clock import Clock, FileClock
from mraf.extractors.streaming.decoding.picture import PictureLine, Unneeded
from mraf.extractors.streaming.decoding.problems import Problems


@pytest.mark.parametrize("leap", [0.0, 1000.013])
def test_pictures_on_display_at_a_tick_are_decoded_also_after_a_leap(leap):
    """Of 50 pictures a second every second one is on display at a tick, wherever the clock stands."""
    clock = Clock(FileClock(0.0, 10.0, True))
    assert clock.place(0.0, None) == 0.0 and clock.place(leap, 0.0) == 0.0
    unneeded = Unneeded(0.001, clock, 50.0)
    packets = [
        SimpleNamespace(pts=round(1000 * (leap + k / 50)), duration=20, size=9) for k in range(10)
    ]
    found = [unneeded(each) for each in packets]
    assert found[::2] == ["DEFAULT"] * 5 and found[1::2].count("NONREF") >= 4


@pytest.mark.parametrize("length", [None, 10.0, 23_870.0])
@pytest.mark.parametrize("stated, end", [(0.0, 10.0), (2.0, 11.96), (23_860.0, 69.96)])
def test_the_last_picture_stays_a_minute_at_most(stated, end, length):
    """Some recorders write hours as the time for which it is on display, and into the header's length."""
    frames = [SimpleNamespace(time=k / 25, duration=1, time_base=1 / 25) for k in range(250)]
    frames[-1].duration = stated * 25
    clock = Clock(FileClock(0.0, length, False))
    line = PictureLine(iter(frames), clock, 1 / 25, None, Problems())
    line.skip_to(20.0)
    assert line.has_ended and line.end == pytest.approx(end)
