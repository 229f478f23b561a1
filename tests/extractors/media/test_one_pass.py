"""Reading of files whose streams do not end together, or do not lie side by side."""

from pathlib import Path

import av
import numpy as np
import pytest

from mraf.extractors.media.limits import Limits
from mraf.extractors.media.one_pass import Reader
from mraf.extractors.media.read import read_video
from tests.helpers.format_files import (
    check_chirp,
    check_film,
    chirp,
    film,
    picture,
    sound,
    write_clip,
)

GAP = 64 << 10  # of packets that count as 1 KiB each: at 48 kHz, 1.4 s of AAC
FEW = Limits(gap=GAP, first_gap=2 * GAP)


def long_sound(seconds: float = 20.0):
    return sound(wave=chirp(seconds, low=400, high=400))


def write_interleaved(path: Path, *tracks) -> Path:
    return write_clip(path, *tracks, max_interleave_delta="0")


def read(path: Path, frames: int = 8, max_seconds: float = 1.5, limits: Limits = FEW):
    """The reader when it is done, and the seconds at which it left off (None: the file's end)."""
    with av.open(str(path)) as container:
        reader = Reader(container, wanted=frames, max_seconds=max_seconds, limits=limits)
        reader.run()
        rest = next((p for p in container.demux() if p.dts is not None), None)
        left_off = None if rest is None else float(rest.dts * rest.time_base)
        return reader.picture(), reader.sound(), left_off


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_a_picture_that_ends_early_is_not_waited_for(tmp_path, ending):
    path = write_interleaved(tmp_path / f"clip.{ending}", picture(), long_sound())
    (frames, times), wave, left_off = read(path)
    whole = read_video(path, max_seconds=1.5)
    assert np.array_equal(frames, whole.frames) and np.array_equal(times, whole.times)
    assert np.array_equal(wave, whole.wave)
    assert 1.5 < left_off < 6


@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi"])
def test_sound_that_ends_early_is_not_waited_for(tmp_path, ending):
    path = write_interleaved(tmp_path / f"clip.{ending}", picture(frames=film(500)), sound())
    (frames, _), wave, left_off = read(path)
    assert len(frames) == 8 and 1.5 < left_off < 6
    check_chirp(wave)


def test_a_picture_that_never_comes_is_waited_for_a_little_longer(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", picture(frames=film()[:0]), long_sound())
    (frames, _), wave, left_off = read(path)
    assert frames is None and abs(len(wave) / 16_000 - 1.5) < 0.1
    assert 4 < left_off < 9


def test_streams_that_nobody_wants_count_where_both_have_ended(tmp_path):
    tracks = [picture(), sound(), picture(frames=film(500))]
    path = write_interleaved(tmp_path / "clip.mkv", *tracks)
    (frames, _), wave, left_off = read(path)
    assert len(frames) == 8 and 1 < left_off < 6
    check_chirp(wave)


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
@pytest.mark.parametrize("sound_first", [False, True])
def test_all_of_one_stream_may_lie_behind_all_of_the_other(tmp_path, ending, sound_first):
    tracks = [picture(frames=film(250)), long_sound(10.0)]
    path = tmp_path / f"clip.{ending}"
    write_clip(path, *(tracks[::-1] if sound_first else tracks), max_interleave_delta="1")
    media = read_video(path, max_seconds=1.0)
    assert len(media.frames) == 8 and media.times[-1] > 0.8
    assert abs(len(media.wave) / 16_000 - 1.0) < 0.1


def test_a_stream_is_waited_for_as_long_as_it_goes_on(tmp_path):
    """The pictures reach their limit at once, the sound comes a little at a time."""
    path = write_interleaved(tmp_path / "clip.mkv", picture(frames=film(250)), long_sound(10.0))
    (frames, _), wave, _ = read(path, max_seconds=8.0, limits=Limits(packets=60, gap=GAP))
    assert len(frames) == 8 and abs(len(wave) / 16_000 - 8.0) < 0.1


def test_a_clip_within_the_limit_is_read_whole(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", picture(), sound())
    with av.open(str(path)) as container:
        reader = Reader(container, wanted=8, max_seconds=120.0, limits=Limits(gap=0, first_gap=0))
        reader.run()
    media = read_video(path)
    check_film(media)
    assert np.array_equal(reader.sound(), media.wave)


@pytest.mark.parametrize("still", [False, True])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_frames_that_are_not_shown_are_not_decoded(tmp_path, monkeypatch, codec, still):
    frames = film(250)
    if still:  # coded with as many frames as can be that no other needs
        frames = np.repeat(frames[:1], 250, axis=0)
    options = {"bf": "3", "b_strategy": "0", "bframes": "3", "b-adapt": "0"}
    path = write_clip(tmp_path / "clip.mp4", picture(frames=frames, codec=codec, options=options))
    counts = []

    def read_it():
        with av.open(str(path)) as container:
            reader = Reader(container, wanted=8, max_seconds=120.0, limits=Limits())
            taken, take = [], reader._take_picture
            monkeypatch.setattr(
                reader, "_take_picture", lambda f: (taken.append(f.pts), take(f))[1]
            )
            reader.run()
            counts.append(len(taken))
            return reader.picture()

    pictures, times = read_it()
    monkeypatch.setattr(Reader, "_skipped", lambda self, packet: "DEFAULT")
    expected, their_times = read_it()
    assert np.array_equal(times, their_times)
    assert np.array_equal(pictures, expected)
    assert counts[0] < 0.6 * counts[1] == 0.6 * 250
