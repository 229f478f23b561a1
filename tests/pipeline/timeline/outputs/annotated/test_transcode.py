from fractions import Fraction

import av
import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.pipeline.timeline.outputs.annotated.transcode import transcode
from mraf.pipeline.timeline.timeline import Timeline
from tests.helpers.format_files import check_chirp, check_corners, film, picture, sound, write_clip
from tests.helpers.timelines import talk

NOBODY = Timeline(path="", duration=1.0)


def done(video, timeline=NOBODY):
    """Annotate a file; return the pictures, their times, the sound and the container's streams."""
    file = video.with_name("out.mp4")
    seen: list[float] = []
    transcode(timeline, video, file, lambda word, at: seen.append(at))
    assert seen and seen == sorted(seen)
    with av.open(str(file)) as container:
        frames = [
            (frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)
        ]
        codec = [stream.codec_context.name for stream in container.streams]
    return [time for time, _ in frames], np.stack([each for _, each in frames]), codec


def wave_of(file, rate=16_000):
    resampler = av.AudioResampler("flt", "mono", rate)
    with av.open(str(file)) as container:
        first = None
        parts = []
        for frame in container.decode(audio=0):
            first = frame.time if first is None else first
            parts += [each.to_ndarray()[0] for each in resampler.resample(frame)]
    return first, np.concatenate(parts)


def test_size_times_colours_and_sound_stay(tmp_path):
    video = write_clip(tmp_path / "a.mp4", picture(), sound())
    times, frames, codecs = done(video)
    assert times == pytest.approx([each / 25 for each in range(25)], abs=1e-4)
    assert frames.shape == (25, 96, 160, 3)
    check_corners(frames)
    assert codecs == ["h264", "aac"]
    assert wave_of(tmp_path / "out.mp4")[0] == pytest.approx(0, abs=0.03)
    check_chirp(wave_of(tmp_path / "out.mp4")[1])


def test_names_are_drawn_at_their_times(tmp_path):
    video = write_clip(tmp_path / "a.mp4", picture(frames=film(200, 360, 640)))
    _, frames, _ = done(video, talk())
    dark = frames[:, -3, 300].max(axis=1) < 110  # the lower line
    spoken = [0.5 <= time < 5.5 or 6.0 <= time < 7.5 for time in np.arange(200) / 25]
    assert (dark == spoken).mean() > 0.98


def test_variable_frame_rates_keep_their_times(tmp_path):
    stamps = [0.0, 0.04, 0.2, 0.21, 0.9, 3.5, 20.0]
    video = write_clip(tmp_path / "a.mp4", picture(frames=film(7), times=stamps))
    times, _, _ = done(video)
    assert times == pytest.approx(stamps, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "track"),
    [
        ("a.mp4", {"bt709": True}),
        ("a.avi", {"codec": "mjpeg"}),  # the full range of values
        ("a.mkv", {"codec": "ffv1", "pix_fmt": "yuv422p10le"}),
        ("a.mkv", {"codec": "libvpx-vp9"}),
    ],
)
def test_colours_stay(tmp_path, name, track):
    check_corners(done(write_clip(tmp_path / name, picture(**track)))[1], tolerance=16)


def test_a_picture_that_starts_late_keeps_its_times(tmp_path):
    stamps = [2.0, 2.04, 2.08]
    wave = np.zeros(48_000 * 3, np.float32)
    video = write_clip(tmp_path / "a.mp4", picture(frames=film(3), times=stamps), sound(wave=wave))
    times, _, _ = done(video)
    assert times == pytest.approx(stamps, abs=1e-3)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_a_turned_phone(tmp_path, rotation):
    straight = film()
    stored = np.rot90(straight, -rotation // 90, axes=(1, 2))  # upright again by its flag
    video = write_clip(
        tmp_path / "a.mp4", picture(frames=np.ascontiguousarray(stored), rotation=rotation)
    )
    with av.open(str(video)) as container:
        assert next(container.decode(video=0)).rotation
    _, frames, _ = done(video)
    assert frames.shape[1:] == (96, 160, 3)
    check_corners(frames)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert not next(container.decode(video=0)).rotation  # turned once


def test_odd_sizes_become_even(tmp_path):
    video = write_clip(tmp_path / "a.mkv", picture(frames=film(5, 95, 161), pix_fmt="yuv444p"))
    _, frames, _ = done(video)
    assert frames.shape == (5, 96, 162, 3)
    check_corners(frames)


def test_pixels_become_square(tmp_path):
    video = write_clip(tmp_path / "a.mp4", picture(pixel_shape=Fraction(2, 1)))
    assert done(video)[1].shape[1:] == (96, 320, 3)


def test_a_picture_that_changes_its_size(tmp_path):
    parts = [
        write_clip(tmp_path / f"{name}.h264", picture(frames=film(5, *size)))
        for name, size in (("a", (96, 160)), ("b", (160, 96)))
    ]
    video = tmp_path / "both.h264"
    video.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames, _ = done(video)
    assert frames.shape == (10, 96, 160, 3)
    assert frames[-1, :, :20].max() < 40  # black beside the upright one


@pytest.mark.parametrize(
    ("name", "track", "codec"),
    [
        ("a.mkv", {"codec": "aac"}, "aac"),
        ("a.mkv", {"codec": "libopus"}, "aac"),
        ("a.avi", {"codec": "libmp3lame"}, "aac"),
        ("a.mkv", {"codec": "libmp3lame"}, "mp3float"),
        ("a.mkv", {"codec": "flac", "layout": "5.1"}, "aac"),
        ("a.ts", {"codec": "aac", "layout": "stereo"}, "aac"),
        ("a.mov", {"codec": "pcm_s16le", "rate": 8000}, "aac"),
    ],
)
def test_sound_is_copied_or_encoded(tmp_path, name, track, codec):
    video = write_clip(tmp_path / name, picture(), sound(**track))
    _, frames, codecs = done(video)
    assert len(frames) == 25 and codecs[1] == codec
    start, wave = wave_of(tmp_path / "out.mp4")
    assert abs(start) < 0.05
    check_chirp(wave * 0.4 / np.abs(wave).max())


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
@pytest.mark.parametrize("codec", ["aac", "ac3", "libopus"])
def test_sound_that_starts_late_stays_in_step(tmp_path, name, codec):
    if (name, codec) == ("a.ts", "libopus"):
        pytest.skip("does not go together")
    wave = np.concatenate([np.zeros(24_000), 0.4 * np.sin(np.arange(24_000) / 10)])
    video = write_clip(
        tmp_path / name,
        picture(frames=film(60)),
        sound(codec, wave=wave.astype(np.float32), start=0.8),
    )
    done(video)

    def onset(file):
        start, sound = wave_of(file)
        with av.open(str(file)) as container:
            start -= (container.start_time or 0) / 1e6
        return start + np.argmax(np.abs(sound) > 0.1) / 16_000

    assert onset(video) == pytest.approx(1.3, abs=0.08)
    assert onset(tmp_path / "out.mp4") == pytest.approx(onset(video), abs=0.05)


def test_a_broken_middle_is_passed_over(tmp_path):
    video = write_clip(
        tmp_path / "a.mkv",
        picture(frames=film(50), options={"g": "5", "preset": "ultrafast"}),
        sound(),
    )
    content = bytearray(video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 10] = bytes(len(content) // 10)
    video.write_bytes(content)
    times, frames, _ = done(video)
    assert len(frames) >= 20 and times == sorted(times)
    assert times[-1] > 1.5


def test_a_file_that_is_still_being_written(tmp_path):
    video = write_clip(tmp_path / "a.mkv", picture(frames=film(50)), sound())
    video.write_bytes(video.read_bytes()[: video.stat().st_size * 2 // 3])
    assert len(done(video)[1]) >= 10


def test_no_picture(tmp_path):
    video = write_clip(tmp_path / "a.mp4", sound())
    with pytest.raises(MediaError, match="has no picture to draw into"):
        transcode(NOBODY, video, tmp_path / "out.mp4", lambda word, at: None)


def test_one_picture(tmp_path):
    video = write_clip(tmp_path / "a.mp4", picture(frames=film(1)))
    assert len(done(video)[1]) == 1


def test_no_sound(tmp_path):
    assert done(write_clip(tmp_path / "a.mp4", picture()))[2] == ["h264"]


@pytest.mark.shared
def test_a_real_clip(real_videos, tmp_path):
    video = next(iter(sorted(real_videos.glob("*/*/*/*.mp4"))))
    file = tmp_path / "out.mp4"
    transcode(talk(), video, file, lambda word, at: None)
    with av.open(str(video)) as before, av.open(str(file)) as after:
        assert [s.codec_context.name for s in after.streams] == ["h264", "aac"]
        assert after.duration == pytest.approx(before.duration, abs=60_000)
        old = [packet.size for packet in before.demux(audio=0) if packet.size]
        assert [packet.size for packet in after.demux(audio=0) if packet.size] == old
