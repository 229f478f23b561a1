from fractions import Fraction

import av
import numpy as np
import pytest

from mraf.extractors.media.limits import Limits
from mraf.extractors.streaming.decoding.clock import Clock, FileClock
from mraf.extractors.streaming.decoding.problems import Problems
from mraf.extractors.streaming.decoding.sound import SoundLine
from tests.helpers.media_files import tone

RATE = 16_000


def frames(waves, *, rate=RATE, layout="mono"):
    """Frames of `[C, N]` samples at times in s; None: without a time stamp."""
    for time, wave in waves:
        made = av.AudioFrame.from_ndarray(np.atleast_2d(wave), format="fltp", layout=layout)
        made.sample_rate, made.time_base = rate, Fraction(1, rate)
        made.pts = None if time is None else round(time * rate)
        yield made


def line(*streams, start=0.0, limits=Limits()) -> SoundLine:
    every = (frame for stream in streams for frame in stream)
    return SoundLine(every, Clock(FileClock(0.0, 1000.0, False)), start, limits, Problems())


def cut(wave, seconds=0.02, start=0.0):
    size = round(seconds * RATE)
    return [(start + i / RATE, wave[i : i + size]) for i in range(0, len(wave), size)]


def test_stamps_that_tremble_change_nothing():
    wave = tone(4.0)
    rng = np.random.default_rng(0)
    stamps = [(time + rng.uniform(-0.02, 0.02), piece) for time, piece in cut(wave)]
    stamps[0] = (0.0, stamps[0][1])
    one = line(frames(stamps))
    one.read(4.0)
    assert np.abs(one.cut(0.0, 4.0) - wave).max() < 1e-4


def test_no_stamps_follow_each_other():
    wave = tone(1.0)
    one = line(frames([(None, piece) for _, piece in cut(wave)]))
    one.read(2.0)
    assert one.has_ended and np.abs(one.cut(0.0, 1.0) - wave).max() < 1e-4


def test_sound_of_another_format_in_mid_stream():
    first, second = tone(1.0), tone(1.0, 48_000)
    one = line(
        frames(cut(first)), frames([(1.0, np.stack([second] * 2))], rate=48_000, layout="stereo")
    )
    one.read(2.0)
    wave = one.cut(0.0, 2.0)
    assert np.abs(wave[:RATE] - first).max() < 1e-4
    assert np.abs(wave[RATE + 50 : -50] - first[50:-50]).max() < 0.01


def test_opposed_channels_do_not_cancel():
    wave = tone(2.0)
    one = line(frames([(0.0, np.stack([wave, -wave]))], layout="stereo"))
    one.read(2.0)
    assert one.cut(0.0, 2.0).std() > 0.1


def stereo(left, right, start=0.0):
    for time, piece in cut(np.stack([left, right], axis=1), start=start):
        yield from frames([(time, np.ascontiguousarray(piece.T))], layout="stereo")


def in_slices(one, first, last):
    found = []
    for start in np.arange(first, last, 2.0):
        one.read(start + 2.0)
        found.append(one.cut(start, start + 2.0))
    return found


def test_channels_are_not_mixed_anew_in_each_slice():
    """Where the right one is silent in every second slice, the left one would be as loud again there."""
    left = tone(12.0)
    right = left * (np.arange(len(left)) // (2 * RATE) % 2 == 0)
    levels = [each.std() for each in in_slices(line(stereo(left, right)), 0.0, 12.0)]
    assert levels[1] == pytest.approx(levels[3], rel=0.01) == pytest.approx(levels[5], rel=0.01)
    assert levels[1] == pytest.approx(levels[0] / 2, rel=0.01)


def test_channels_are_mixed_alike_by_a_later_pass():
    left = tone(40.0) * np.linspace(0, 1, 40 * RATE, dtype=np.float32)
    right = -left * (np.arange(len(left)) // (3 * RATE) % 2 == 0)
    whole = in_slices(line(stereo(left, right)), 0.0, 40.0)
    later = in_slices(line(stereo(left, right), start=30.0), 30.0, 40.0)
    assert all(np.array_equal(a, b) for a, b in zip(whole[15:], later, strict=True))


def test_of_several_channels_no_more_than_is_needed_is_held():
    one = line(stereo(tone(60.0), tone(60.0)))
    in_slices(one, 0.0, 60.0)
    assert one.held <= 20.1 * RATE


def test_what_lies_before_the_start_is_not_kept():
    one = line(frames(cut(tone(6.0))), start=4.0)
    one.read(4.0)
    assert one.held < 0.2 * RATE
    one.read(6.0)
    assert np.abs(one.cut(4.0, 6.0) - tone(6.0)[4 * RATE :]).max() < 1e-4
    assert one.held == 0


def test_sound_before_the_beginning_is_cut():
    wave = tone(2.0)
    one = line(frames(cut(wave, start=-0.2)))
    one.read(1.8)
    assert np.abs(one.cut(0.0, 1.8) - wave[round(0.2 * RATE) :]).max() < 1e-3


def test_a_format_that_is_not_read_is_a_problem():
    one = line(frames(cut(tone(1.0))), limits=Limits(lowest_rate=20_000))
    one.read(1.0)
    assert one.has_ended and not one.is_there
    assert "16000 Hz" in one._problems.first()


def test_numbers_that_are_none_become_silence():
    wave = tone(1.0)
    wave[100:200] = np.nan
    one = line(frames([(0.0, wave)]))
    one.read(1.0)
    assert np.isfinite(one.cut(0.0, 1.0)).all()
