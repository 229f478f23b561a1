"""Frames upright, with square pixels, and spread over time whatever the clock of a video says."""

from fractions import Fraction

import numpy as np
import pytest

from mraf.extractors.media.frames import Clock, EvenFrames
from mraf.extractors.media.read import SAMPLE_RATE, read_video
from tests.helpers.format_files import (
    check_chirp,
    check_corners,
    check_film,
    film,
    picture,
    sound,
    write_clip,
)


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_rotation(tmp_path, ending, rotation):
    filmed = np.ascontiguousarray(np.rot90(film(), -rotation // 90, axes=(1, 2)))
    check_film(
        read_video(
            write_clip(tmp_path / f"clip.{ending}", picture(frames=filmed, rotation=rotation))
        )
    )


@pytest.mark.parametrize(
    ("matrix", "filmed"),
    [
        ((-1, 0, 0, 1), lambda frames: frames[:, :, ::-1]),
        ((1, 0, 0, -1), lambda frames: frames[:, ::-1]),
        ((0, 1, 1, 0), lambda frames: frames.transpose(0, 2, 1, 3)),
        ((0, -1, -1, 0), lambda frames: frames[:, ::-1, ::-1].transpose(0, 2, 1, 3)),
    ],
    ids=["left-right", "upside-down", "transposed", "transversed"],
)
def test_mirrored(tmp_path, matrix, filmed):
    path = tmp_path / "clip.mp4"
    write_clip(path, picture(frames=np.ascontiguousarray(filmed(film()))))
    a, b, c, d = (value << 16 for value in matrix)
    plain = np.array([1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30], ">i4").tobytes()
    raw = path.read_bytes()
    header = raw.index(b"tkhd")
    place = raw.index(plain, header)
    wanted = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(raw[:place] + wanted + raw[place + 36 :])
    check_film(read_video(path))


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "avi"])
@pytest.mark.parametrize(
    ("shape", "size"), [(Fraction(16, 11), (96, 233)), (Fraction(3, 4), (128, 160))]
)
def test_pixels_that_are_not_square(tmp_path, ending, shape, size):
    path = write_clip(tmp_path / f"clip.{ending}", picture(pixel_shape=shape))
    check_film(read_video(path), size)


def test_pixels_that_are_not_square_of_a_turned_video(tmp_path):
    filmed = np.ascontiguousarray(np.rot90(film(), -1, axes=(1, 2)))
    track = picture(frames=filmed, rotation=90, pixel_shape=Fraction(3, 2))
    check_film(read_video(write_clip(tmp_path / "clip.mp4", track)), (144, 160))


def test_a_pixel_shape_that_cannot_be_is_not_believed(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", picture(pixel_shape=Fraction(200, 1)))
    check_film(read_video(path))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_frames_of_a_varying_rate_are_spread_over_time(tmp_path, ending):
    # Half a second at 100 frames a second, then ten at one: by count all but one lie in the first.
    times = [index / 100 for index in range(50)] + [0.5 + index for index in range(10)]
    media = read_video(
        write_clip(tmp_path / f"clip.{ending}", picture(frames=film(60), times=times))
    )
    assert len(media.frames) == 8
    assert (np.abs(media.times - (np.arange(8) + 0.5) * 10 / 8) < 1.1).all()


@pytest.mark.parametrize("count", [1, 3, 8, 9, 16, 17, 25, 100, 1000])
@pytest.mark.parametrize(("fps", "digits"), [(1, 3), (23.976, 3), (30, 3), (120, 6)])
def test_of_a_steady_rate_every_nth_frame_is_kept(count, fps, digits):
    spread = EvenFrames(8)
    for index in range(count):
        spread.add(round(index / fps, digits), index)  # Matroska rounds to 3
    stride = 1
    while -(-count // stride) > 16:
        stride *= 2
    kept = range(0, count, stride)
    wanted = min(8, len(kept))
    expected = [kept[int((place + 0.5) * len(kept) / wanted)] for place in range(wanted)]
    assert [index for _, index in spread.chosen()] == expected


@pytest.mark.parametrize("seed", range(20))
def test_as_many_frames_as_asked_for_however_they_come(seed):
    random = np.random.default_rng(seed)
    times = np.cumsum(random.pareto(0.5, 200).clip(0.001, 100))
    spread = EvenFrames(8)
    for index, time in enumerate(times):
        spread.add(time, index)
    chosen = [index for _, index in spread.chosen()]
    assert len(set(chosen)) == 8 and chosen == sorted(chosen)


@pytest.mark.parametrize(
    ("stamps", "expected"),
    [
        ([5, 5.5, 6], [0, 0.5, 1]),
        ([-0.4, 0, 0.4], [0, 0.4, 0.8]),
        ([None, None, None], [0, 0.04, 0.08]),
        ([7, 7, 7], [0, 0.001, 0.002]),
        ([0, 0.2, 0.1, 0.3], [0, 0.2, 0.201, 0.3]),
        ([0, 1, 3600, 3601], [0, 1, 1.04, 2.04]),
        ([3600, 3601, 0, 1], [0, 1, 1.04, 2.04]),
    ],
    ids=["late", "negative", "missing", "standing", "swapped", "leap", "reset"],
)
def test_clock(stamps, expected):
    clock = Clock()
    assert np.allclose([clock.tick(stamp) for stamp in stamps], expected)


@pytest.mark.parametrize(("fps", "count"), [(1, 10), (120, 240)])
def test_slow_and_fast_rates(tmp_path, fps, count):
    media = read_video(write_clip(tmp_path / "clip.mp4", picture(frames=film(count), fps=fps)))
    assert len(media.frames) == 8
    assert np.diff(media.times).max() <= 2 * np.diff(media.times).min() + 1e-6
    assert media.times[-1] >= 0.85 * count / fps


def test_single_frame(tmp_path):
    media = read_video(write_clip(tmp_path / "clip.mp4", picture(frames=film(1))))
    assert media.frames.shape == (1, 96, 160, 3) and media.times.tolist() == [0]
    check_corners(media.frames)


def test_negative_time_stamps(tmp_path):
    track = picture(times=[index / 25 - 0.4 for index in range(25)])
    path = write_clip(tmp_path / "clip.mkv", track, avoid_negative_ts="disabled")
    media = read_video(path)
    assert len(media.frames) == 8 and (np.diff(media.times) > 0).all()


@pytest.mark.parametrize("seconds", [26 * 3600, 2**33 / 90_000 - 1.9], ids=["hour 26", "wrap"])
def test_clock_of_a_broadcast(tmp_path, seconds):
    path = tmp_path / "clip.ts"
    write_clip(path, picture(), sound(), output_ts_offset=f"{seconds:.3f}")
    media = read_video(path)
    check_film(media)
    check_chirp(media.wave)


@pytest.mark.parametrize("offset", [0, 1, 3600])
def test_recordings_put_end_to_end(tmp_path, offset):
    """The size of the picture and the rate and channels of the sound change, the clock leaps."""
    one = write_clip(tmp_path / "one.ts", picture(), sound("mp2", 48_000, "stereo"))
    two = tmp_path / "two.ts"
    larger = picture(frames=film(25, 192, 320))
    write_clip(two, larger, sound("mp2", 24_000), output_ts_offset=str(offset))
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    media = read_video(both)
    assert media.frames.shape == (8, 192, 320, 3)
    check_corners(media.frames)
    assert 1.6 < media.times[-1] < 2.3
    assert abs(len(media.wave) / SAMPLE_RATE - 2) <= 0.12
    check_chirp(media.wave[:SAMPLE_RATE])
    check_chirp(media.wave[-SAMPLE_RATE - 400 :])


def test_a_picture_of_another_shape_is_not_distorted(tmp_path):
    one = write_clip(tmp_path / "one.ts", picture())
    two = tmp_path / "two.ts"
    write_clip(two, picture(frames=film(25, 128, 80)), output_ts_offset="1")
    both = tmp_path / "both.ts"
    both.write_bytes(one.read_bytes() + two.read_bytes())
    media = read_video(both)
    assert media.frames.shape == (8, 96, 160, 3)
    check_corners(media.frames[:3])
    check_corners(media.frames[-3:, :, 50:110])  # 60 wide, black on both sides
    assert media.frames[-3:, :, :46].max() < 12
