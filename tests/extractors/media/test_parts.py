"""Parts of files: pictures and sound are cut at the same clock."""

import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.read import Part, read_pair, read_video
from tests.helpers.format_files import chirp, film, picture, sound, write_clip

SECONDS, RATE = 8, 16_000


def write(path, *, start: float = 0.0, sound_codec: str = "aac", codec: str = "libx264", **more):
    """A film of eight seconds whose grey and whose pitch grow with time: 400 to 1600 Hz."""
    wave = chirp(SECONDS - start, low=400 + 150 * start)
    voice = sound(sound_codec, wave=wave, start=start)
    return write_clip(path, picture(codec, film(25 * SECONDS), **more), voice)


def pitch(wave: np.ndarray, at: float) -> float:
    part = wave[round((at - 0.1) * RATE) : round((at + 0.1) * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 16_384))
    return float(spectrum.argmax() * RATE / 16_384)


def grey(frame: np.ndarray) -> float:
    """The second of the film at which its middle is as grey as here."""
    level = float(frame[frame.shape[0] // 2, frame.shape[1] // 2].mean())
    return (level - 20) / 210 * SECONDS


def check(media, start: float, end: float) -> None:
    assert abs(len(media.wave) / RATE - (end - start)) < 0.15
    for at in (0.3, (end - start) / 2, end - start - 0.3):
        assert abs(pitch(media.wave, at) - (400 + 150 * (start + at))) < 25
    seen = [grey(frame) for frame in media.frames]
    assert (
        len(seen) == 8 and start - 0.4 < seen[0] < start + 0.5 and end - 0.6 < seen[-1] < end + 0.2
    )
    assert 0 <= media.times[0] < 0.4 and media.times[-1] < end - start


KINDS = [
    ("mp4", "libx264", "aac"),
    ("mkv", "libx264", "libopus"),
    ("webm", "libvpx", "libopus"),
    ("avi", "mpeg4", "libmp3lame"),
    ("ts", "mpeg2video", "mp2"),
    ("mpg", "mpeg1video", "mp2"),
    ("mov", "mjpeg", "pcm_s16le"),
]


@pytest.mark.parametrize(("ending", "codec", "sound_codec"), KINDS)
@pytest.mark.parametrize(("start", "end"), [(3.0, 6.0), (None, 2.0), (5.0, None)])
def test_a_part_is_read(tmp_path, ending, codec, sound_codec, start, end):
    path = write(tmp_path / f"clip.{ending}", codec=codec, sound_codec=sound_codec)
    media = read_video(path, part=Part(start=start, end=end))
    check(media, start or 0.0, end or SECONDS)
    assert abs(media.seconds - ((end or SECONDS) - (start or 0.0))) < 0.2
    assert media.seconds_read is None


@pytest.mark.parametrize(
    ("ending", "codec"),
    [
        ("mp3", "libmp3lame"),
        ("flac", "flac"),
        ("wav", "pcm_s16le"),
        ("ogg", "libopus"),
        ("aac", "aac"),
        ("ac3", "ac3"),
    ],
)
def test_a_part_of_sound(tmp_path, ending, codec):
    path = write_clip(tmp_path / f"sound.{ending}", sound(codec, wave=chirp(SECONDS)))
    media = read_pair(path, None, part=Part(start=3.0, end=6.0))
    assert abs(len(media.wave) / RATE - 3.0) < 0.06
    assert all(abs(pitch(media.wave, at) - (850 + 150 * at)) < 25 for at in (0.3, 1.5, 2.7))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_sound_that_starts_late_is_cut_where_the_picture_is(tmp_path, ending):
    path = write(tmp_path / f"clip.{ending}", start=1.0)
    check(read_video(path, part=Part(start=3.0, end=6.0)), 3.0, 6.0)
    begun = read_video(path, part=Part(start=0.0, end=2.0))
    assert abs(len(begun.wave) / RATE - 1.0) < 0.15
    assert abs(pitch(begun.wave, 0.5) - (400 + 150 * 1.5)) < 25


def test_a_bare_stream_is_read_through(tmp_path):
    path = write_clip(tmp_path / "clip.h264", picture(frames=film(25 * SECONDS)))
    seen = [grey(each) for each in read_video(path, part=Part(start=4.0, end=6.0)).frames]
    assert 3.8 < seen[0] < 4.5 and 5.4 < seen[-1] < 6.2


def test_a_long_part_is_read_up_to_the_limit_and_says_so(tmp_path):
    path = write(tmp_path / "clip.mp4")
    media = read_video(path, part=Part(start=2.0, end=7.0), max_seconds=3.0)
    check(media, 2.0, 5.0)
    assert media.seconds_read == 3.0 and abs(media.seconds - 5.0) < 0.1
    whole = read_video(path, max_seconds=3.0)
    assert whole.seconds_read == 3.0 and abs(whole.seconds - SECONDS) < 0.1
    exact = read_video(path, part=Part(start=2.0, end=5.0), max_seconds=3.0)
    assert exact.seconds_read is None


def test_a_part_behind_the_end_is_told(tmp_path):
    path = write(tmp_path / "clip.mp4")
    with pytest.raises(MediaError, match=r"nothing from 60 s on; the file ends at 8\.0 s"):
        read_video(path, part=Part(start=60.0))


def test_a_quick_look_decodes_pictures_that_stand_for_themselves(tmp_path):
    options = {"g": "25", "preset": "ultrafast", "sc_threshold": "0"}
    path = write(tmp_path / "clip.mp4", options=options)
    media = read_video(path, part=Part(start=3.0, end=6.0, is_quick=True))
    assert [round(grey(each)) for each in media.frames] == [3, 4, 5]


def test_parts_and_tracks_reach_the_child_process(tmp_path):
    path = write(tmp_path / "clip.mp4")
    with Decoder() as decoder:
        check(decoder.read(path, part=Part(start=3.0, end=6.0)), 3.0, 6.0)
        heard = decoder.read(None, path, part=Part(start=3.0, end=6.0))
        assert abs(len(heard.wave) / RATE - 3.0) < 0.15 and heard.seconds == 3.0
