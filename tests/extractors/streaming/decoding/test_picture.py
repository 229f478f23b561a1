from types import SimpleNamespace

import pytest

from mraf.extractors.streaming.decoding.clock import Clock, FileClock
from mraf.extractors.streaming.decoding.picture import Unneeded


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
