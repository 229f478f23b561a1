import pytest

from mraf.extractors.streaming.decoding.clock import Clock, FileClock


def clock(length=100.0, is_cut=False, origin=0.0) -> tuple[FileClock, Clock]:
    file = FileClock(origin, length, is_cut)
    return file, Clock(file)


def test_times_count_from_the_beginning_of_the_file():
    _, one = clock(origin=1.4)
    assert one.place(1.4, None) == 0.0
    assert one.place(1.45, 0.04) == pytest.approx(0.05)
    assert one.place(None, 0.1) == 0.1 and one.place(None, None) == 0.0


def test_a_late_beginning_is_late_and_an_impossible_one_is_none():
    assert clock()[1].place(60.0, None) == 60.0
    assert clock()[1].place(5000.0, None) == 0.0
    assert clock()[1].place(-0.02, None) == pytest.approx(-0.02)


def test_a_gap_within_the_file_is_a_gap():
    file, one = clock(length=7200.0)
    assert one.place(5000.0, 1.0) == 5000.0 and not file.leaps


@pytest.mark.parametrize("stamp", [0.0, 9000.0])
def test_a_leap_goes_on_where_the_file_was(stamp):
    file, one = clock(is_cut=True)
    assert one.place(50.0, 50.0) == 50.0
    assert one.place(stamp, 50.04) == 50.04 and file.leaps == [50.04]
    assert one.place(stamp + 1, 50.5) == pytest.approx(51.04)


def test_streams_leap_together():
    """Sound that ends a little before the picture stays in step with the picture of what follows."""
    file, picture = clock(is_cut=True)
    sound = Clock(file)
    picture.place(50.0, 50.0)
    sound.place(49.9, 49.9)
    assert picture.place(7000.0, 50.04) == 50.04
    assert sound.place(7000.1, 49.9) == pytest.approx(50.14)
    assert len(file.leaps) == 1
