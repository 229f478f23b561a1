from fractions import Fraction

import av
import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.read import opened
from mraf.pipeline.timeline.outputs.annotated import sound as sounds
from mraf.pipeline.timeline.outputs.annotated import source as module
from mraf.pipeline.timeline.outputs.annotated.transcode import transcode
from mraf.pipeline.timeline.timeline import Person, Streams, Timeline, Turn
from tests.helpers.format_files import check_chirp, check_corners, film, picture, sound, write_clip
from tests.helpers.timed_files import pieces, shade, write_timed
from tests.helpers.timelines import talk

NOBODY = Timeline(path="", duration=1.0)


def done(video, timeline=NOBODY, said=None):
    """Annotate a file, and note what is said of it; return the pictures, their times, the sound and the container's streams."""
    file = video.with_name("out.mp4")
    seen: list[float] = []
    remarks = transcode(timeline, video, file, lambda word, at: seen.append(at))
    if said is not None:
        said += remarks
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


@pytest.mark.parametrize("codec", ["aac", "mp2"])
def test_recordings_put_together_keep_names_and_sound_at_their_times(tmp_path, codec):
    """The clock of the second one is two minutes ahead: names and sound are where the timeline has them."""
    silent, loud = np.zeros(96_000, np.float32), 0.4 * np.sin(np.arange(96_000) / 10)
    for name, start, wave in (("a", 0.0, silent), ("b", 120.0, loud)):
        stamps = [start + each / 25 for each in range(50)]
        write_clip(
            tmp_path / f"{name}.ts",
            picture(frames=film(50, 360, 640), times=stamps),
            sound(codec, wave=wave.astype(np.float32), start=start),
        )
    video = tmp_path / "both.ts"
    video.write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    ann = Person(name="Ann", unknown=False)
    turn = Turn(start=2.5, end=3.5, speaker="Ann")
    times, frames, _ = done(video, Timeline(path="", duration=4.0, people=(ann,), turns=(turn,)))
    assert len(times) > 95 and times[-1] == pytest.approx(3.96, abs=0.15)
    dark = np.array(times)[frames[:, -3, 300].max(axis=1) < 110]
    assert (dark[0], dark[-1]) == pytest.approx((2.5, 3.46), abs=0.1)
    start, wave = wave_of(tmp_path / "out.mp4")
    assert start + np.argmax(np.abs(wave) > 0.1) / 16_000 == pytest.approx(2.0, abs=0.15)


def two_tracks(path):
    """A grey film of 2 s with silence, and a white one with a tone."""
    tone = 0.4 * np.sin(np.arange(96_000) / 10).astype(np.float32)
    films = [np.full((50, 96, 160, 3), level, np.uint8) for level in (60, 240)]
    sounds = [sound(wave=np.zeros(96_000, np.float32)), sound(wave=tone)]
    return write_clip(path, *(picture(frames=each) for each in films), *sounds)


@pytest.mark.parametrize(
    ("streams", "level", "loud"),
    [
        (None, 60, False),
        (Streams(sound=1, picture=1), 60, False),
        (Streams(sound=2, picture=2), 240, True),
        (Streams(sound=2, picture=1), 60, True),
    ],
)
def test_the_tracks_are_those_of_the_timeline(tmp_path, streams, level, loud):
    video = two_tracks(tmp_path / "a.mkv")
    _, frames, _ = done(video, Timeline(path="", duration=2.0, streams=streams))
    assert np.median(frames) == pytest.approx(level, abs=5)
    assert (np.abs(wave_of(tmp_path / "out.mp4")[1]).max() > 0.2) == loud


def test_a_timeline_without_sound_has_a_video_without_sound(tmp_path):
    video = two_tracks(tmp_path / "a.mkv")
    assert done(video, Timeline(path="", duration=2.0, streams=Streams(picture=2)))[2] == ["h264"]


class Failing:
    """A container that fails to give a packet now and then, as damaged ones do."""

    def __init__(self, container, every):
        self._container, self._every = container, every
        self._packets = {}

    def __getattr__(self, name):
        return getattr(self._container, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._container.close()

    def demux(self, stream):
        packets = self._packets.setdefault(stream.index, enumerate(self._container.demux(stream)))
        for number, packet in packets:
            if number % self._every == self._every - 1:
                raise av.error.InvalidDataError(1094995529, "Invalid data found")
            yield packet


def test_it_goes_on_behind_places_that_cannot_be_read(tmp_path, monkeypatch):
    video = write_clip(tmp_path / "a.mkv", picture(frames=film(50), options={"g": "1"}), sound())
    monkeypatch.setattr(module, "opened", lambda path: Failing(opened(path), every=12))
    said: list[str] = []
    times, _, _ = done(video, Timeline(path="", duration=2.0), said)
    assert len(times) >= 40 and times[-1] > 1.8
    assert len(said) == 1 and said[0].startswith(
        "lacks what cannot be decoded (file: cannot be read"
    )


def test_it_says_where_it_ends(tmp_path):
    said: list[str] = []
    done(
        write_clip(tmp_path / "a.mkv", picture(frames=film(50))),
        Timeline(path="", duration=60.0),
        said,
    )
    assert said == ["ends at 2.0 s of the timeline's 60.0 s: so does the video"]


def test_a_whole_file_needs_no_remark(tmp_path):
    said: list[str] = []
    video = write_clip(tmp_path / "a.mp4", picture(frames=film(50)), sound())
    done(video, Timeline(path="", duration=2.0), said)
    assert said == []


def test_sound_that_overlaps_is_cut(tmp_path):
    """Of the second recording 0.4 s lie in the first one: what follows keeps its time."""
    late = 0.4 * np.sin(np.arange(16_000) / 3)
    parts = []
    for name, start, wave in (("a", 0.0, np.zeros(32_000)), ("b", 1.6, late)):
        shades = [(start + each / 25, shade(90)) for each in range(len(wave) // 640)]
        sounds = pieces(wave.astype(np.float32), start)
        parts.append(write_timed(tmp_path / f"{name}.ts", shades, sounds, audio_codec="mp2"))
    video = tmp_path / "both.ts"
    video.write_bytes(b"".join(each.read_bytes() for each in parts))
    done(video)
    start, heard = wave_of(tmp_path / "out.mp4")
    loud = np.flatnonzero(np.abs(heard) > 0.1) / 16_000 + start
    assert (loud[0], loud[-1]) == pytest.approx((2.0, 2.6), abs=0.1)


def test_before_it_is_closed_this_is_told(tmp_path):
    words: list[str] = []
    video = write_clip(tmp_path / "a.mp4", picture())
    transcode(NOBODY, video, tmp_path / "out.mp4", lambda word, at: words.append(word))
    assert words[-1] == "closing" and words.count("closing") == 1


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


def test_a_file_that_cannot_be_annotated_is_closed(tmp_path, monkeypatch):
    closed = []

    class Opened:
        def __init__(self, path):
            self._container = opened(path)

        def __getattr__(self, name):
            return getattr(self._container, name)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            closed.append(self._container.close())

    monkeypatch.setattr(module, "opened", Opened)
    heard = write_clip(tmp_path / "a.mp4", sound())
    with pytest.raises(MediaError, match="has no picture"):
        module.Source(heard)
    assert len(closed) == 1
    with module.Source(write_clip(tmp_path / "b.mp4", picture(), sound())):
        assert len(closed) == 1
    assert len(closed) == 3


def test_sound_that_is_damaged_at_its_end_costs_no_video(tmp_path, monkeypatch):
    plain = sounds._Encoded._let_out

    def let_out(self):
        if self.has_ended:
            raise av.error.InvalidDataError(1, "Invalid data found")
        plain(self)

    monkeypatch.setattr(sounds._Encoded, "_let_out", let_out)
    said = []
    times, _, codecs = done(write_clip(tmp_path / "a.mkv", picture(), sound("flac")), said=said)
    assert len(times) == 25 and codecs == ["h264", "aac"]
    assert len(said) == 1 and "lacks what cannot be decoded" in said[0]
