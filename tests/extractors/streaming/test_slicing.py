import math

import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.tracks import Wish
from mraf.extractors.streaming.slicing import FileSlices
from tests.helpers.media_files import corners, tone, write_media
from tests.helpers.timed_files import pieces, shade, write_timed

RATE = 16_000


def levels(slices) -> list[int | None]:
    """The grey level at each tick of a file."""
    return [
        None if at < 0 else round(float(each.pictures.grey[at].mean()))
        for each in slices
        for at in each.pictures.shown
    ]


def whole(slices) -> np.ndarray:
    return np.concatenate([each.wave for each in slices])


def read(path, **options):
    file = FileSlices(path, **options)
    return file, list(file.slices())


def near(found, wanted) -> bool:
    return len(found) == len(wanted) and all(
        (a is None) == (b is None) and (a is None or abs(a - b) <= 6)
        for a, b in zip(found, wanted, strict=True)
    )


def on_display(pictures, ticks) -> list[int | None]:
    """What a player shows: the last picture whose time has come."""
    at = [[level for time, level in pictures if time <= k / 25 + 1e-6] for k in range(ticks)]
    return [each[-1] if each else None for each in at]


def test_a_steady_film_is_shown_picture_by_picture(tmp_path):
    pictures = [(k / 25, 20 + 2 * k) for k in range(100)]
    path = write_timed(
        tmp_path / "film.mkv", [(t, shade(v)) for t, v in pictures], pieces(tone(4.0))
    )
    file, found = read(path)
    assert [(each.start, each.stop) for each in found] == [(0, 2), (2, 4)]
    assert near(levels(found), [v for _, v in pictures])
    assert [each.pictures.looks for each in found] == [
        list(range(0, 50, 5)),
        list(range(50, 100, 5)),
    ]
    assert found[1].pictures.colour[0].shape == (48, 64, 3)
    assert np.abs(whole(found) - tone(4.0)).max() < 0.001
    assert not file.problems.take() and not file.notes and file.end == 4.0


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_pictures_stay_until_the_next_one_at_uneven_rates(tmp_path, ending):
    rng = np.random.default_rng(0)
    times = np.unique(np.round(np.cumsum(rng.choice([0.01, 0.04, 0.31, 1.2], 30)), 2))
    pictures = [(0.0, 30), *((float(t), 40 + 6 * i) for i, t in enumerate(times))]
    sound = tone(math.ceil(times[-1] + 1))
    path = tmp_path / f"uneven.{ending}"
    codec = {"mp4": "aac", "ts": "mp2"}.get(ending, "pcm_s16le")
    shades = [(t, shade(v)) for t, v in pictures]
    write_timed(path, shades, pieces(sound), audio_codec=codec, gop=4)
    _, found = read(path)
    # Coders of sound begin before the sound: the file begins by so much earlier.
    wanted = on_display(pictures, len(levels(found)))
    wrong = sum(not near([a], [b]) for a, b in zip(levels(found), wanted, strict=True))
    assert wrong <= (0 if ending != "ts" else len(pictures))
    assert len({v for v in levels(found) if v is not None}) > 15


def test_a_picture_is_sent_once_in_a_slice(tmp_path):
    path = write_timed(tmp_path / "still.mkv", [(0.0, shade(90))], pieces(tone(6.0)))
    file, found = read(path)
    assert [len(each.pictures.grey) for each in found] == [1, 1, 1]
    assert near(levels(found), [90] * 150) and file.end == 6.0
    assert found[0].pictures.grey[0] is found[2].pictures.grey[0]  # made once


def test_what_begins_late_and_ends_early(tmp_path):
    late = [(3.0 + k / 25, shade(100)) for k in range(25)]
    path = write_timed(tmp_path / "picture.mkv", late, pieces(tone(1.0)))
    _, found = read(path)
    wave = whole(found)
    assert near(levels(found), [None] * 75 + [100] * 25)
    assert np.abs(wave[:RATE] - tone(1.0)).max() < 0.001 and not wave[RATE:].any()
    early = [(k / 25, shade(100)) for k in range(25)]
    path = write_timed(tmp_path / "sound.mkv", early, pieces(tone(1.0), 2.5))
    _, found = read(path)
    wave = whole(found)
    assert near(levels(found), [100] * 88)  # the last picture stays, as in a player
    assert np.abs(wave[round(2.5 * RATE) :] - tone(1.0)).max() < 0.002
    assert not wave[: round(2.5 * RATE) - 20].any()


def test_gaps_in_the_sound_are_silent(tmp_path):
    sounds = pieces(tone(1.0)) + pieces(tone(1.0), 2.5)
    path = write_timed(tmp_path / "gap.mkv", [(k / 25, shade(80)) for k in range(90)], sounds)
    _, found = read(path)
    wave = whole(found)
    assert not wave[RATE + 100 : 2 * RATE + 7900].any()
    assert np.abs(wave[round(2.5 * RATE) :][:RATE] - tone(1.0)).max() < 0.002


def test_sound_that_overlaps_is_cut(tmp_path):
    first, second = tone(2.0), tone(2.0, hertz=300)
    path = write_timed(tmp_path / "twice.mkv", (), pieces(first) + pieces(second, 1.7))
    file, found = read(path)
    wave = whole(found)
    assert file.end == pytest.approx(3.7, abs=0.01)
    assert np.abs(wave[: 2 * RATE] - first).max() < 0.001
    assert np.abs(wave[2 * RATE :] - second[round(0.3 * RATE) :]).max() < 0.002


def test_sound_follows_its_time_stamps_when_they_drift(tmp_path):
    """A sound card that is slow by 2 %: the samples are fewer than the time that passes."""
    wave = tone(20.0)
    slow = [(time * 1.02, piece) for time, piece in pieces(wave)]
    _, found = read(write_timed(tmp_path / "slow.mkv", (), slow))
    assert found[-1].stop == pytest.approx(20.4, abs=0.1)


def test_recordings_put_together_follow_each_other(tmp_path):
    one = tmp_path / "one.ts"
    write_timed(
        one,
        [(k / 25, shade(60)) for k in range(75)],
        pieces(tone(3.0)),
        audio_codec="mp2",
    )
    two = tmp_path / "two.ts"
    write_timed(
        two,
        [(5000 + k / 25, shade(180)) for k in range(75)],
        pieces(tone(3.0), 5000.0),
        audio_codec="mp2",
    )
    for name, order in (("forth", (one, two)), ("back", (two, one))):
        both = tmp_path / f"{name}.ts"
        both.write_bytes(b"".join(each.read_bytes() for each in order))
        file, found = read(both)
        assert 5.8 < file.end < 6.4, name
        assert any("leap" in note for note in file.notes)
        wanted = [60] * 60 if name == "forth" else [180] * 60
        assert near(levels(found)[5:65], wanted)
        assert near(levels(found)[85:140], [240 - wanted[0]] * 55)


def test_a_film_without_sound_and_sound_without_a_film(tmp_path):
    _, found = read(write_timed(tmp_path / "mute.mkv", [(k / 25, shade(70)) for k in range(60)]))
    assert found[0].wave is None and [each.stop for each in found] == [2.0, 2.4]
    assert [len(each.pictures.shown) for each in found] == [50, 10]
    path = write_media(tmp_path / "podcast.wav", wave=tone(3.1), audio_codec="pcm_s16le")
    file, found = read(path)
    assert [each.stop for each in found] == [2.0, 3.1] and file.end == 3.1
    assert [each.pictures.shown for each in found] == [[-1] * 50, [-1] * 28]
    assert not found[0].pictures.grey


def test_one_picture_alone(tmp_path):
    _, found = read(write_timed(tmp_path / "one.mkv", [(0.0, shade(70))]))
    assert len(found) == 1 and near(levels(found)[:1], [70])


def test_a_cover_is_no_film(tmp_path):
    import av

    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        audio = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 48, 64, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        container.mux(cover.encode(av.VideoFrame.from_ndarray(corners(), format="rgb24")))
        container.mux(cover.encode(None))
        frame = av.AudioFrame.from_ndarray(tone(3.0)[None], "fltp", "mono")
        frame.sample_rate = RATE
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    _, found = read(path)
    assert all(not each.pictures.grey for each in found) and found[0].wave is not None


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_pictures_are_upright(tmp_path, rotation):
    frames = np.repeat(corners()[None], 10, 0)
    _, found = read(write_media(tmp_path / "turned.mp4", frames, rotation=rotation))
    picture, grey = found[0].pictures.colour[0], found[0].pictures.grey[0]
    assert picture.shape[:2] == grey.shape
    assert abs(int(picture[grey.shape[0] // 4, grey.shape[1] // 4].max()) - 40) > 60 or rotation
    by_hand = picture @ np.array([0.299, 0.587, 0.114])
    assert np.abs(by_hand - grey).mean() < 4


def test_large_pictures_become_smaller(tmp_path):
    frames = np.repeat(corners(1080, 1920)[None], 3, 0)
    _, found = read(write_media(tmp_path / "large.mp4", frames))
    assert found[0].pictures.grey[0].shape == (720, 1280)
    assert found[0].pictures.colour[0].shape == (720, 1280, 3)


def test_high_rates_show_what_is_on_display(tmp_path):
    from fractions import Fraction

    import av

    path = tmp_path / "fast.mp4"
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=240, options={"bf": "2"})
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        for k in range(480):
            frame = av.VideoFrame.from_ndarray(shade(20 + k // 3), format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 240)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    _, found = read(path)
    wanted = [20 + math.floor(k / 25 * 240 + 1e-6) // 3 for k in range(50)]
    assert np.abs(np.array(levels(found)) - wanted).max() <= 3


def test_a_broken_middle_is_told_and_passed_over(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (150, 48, 64, 3), np.uint8)
    path = write_timed(
        tmp_path / "broken.ts",
        [(k / 25, picture) for k, picture in enumerate(noise)],
        pieces(tone(6.0)),
        audio_codec="mp2",
    )
    data = bytearray(path.read_bytes())
    third = len(data) // 3
    rng = np.random.default_rng(1)
    data[third : third + third // 4] = rng.integers(0, 255, third // 4, np.uint8).tobytes()
    path.write_bytes(data)
    file, found = read(path)
    assert 5.5 < file.end < 6.5
    assert found[-1].pictures.grey and whole(found)[-RATE:].std() > 0.1


def test_a_file_that_is_cut_off_is_read_to_its_end(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (250, 48, 64, 3), np.uint8)
    path = write_timed(
        tmp_path / "cut.mkv",
        [(k / 25, picture) for k, picture in enumerate(noise)],
        pieces(tone(10.0)),
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    file, _ = read(path)
    assert 4 < file.end < 6
    assert any("its header says 10.0 s" in note for note in file.notes)


def test_streams_that_lie_far_apart_are_read_in_step(tmp_path):
    pictures = [(k / 25, shade(50 + k % 100)) for k in range(500)]
    path = write_timed(tmp_path / "apart.mkv", pictures, pieces(tone(20.0)), sound_last=True)
    file = FileSlices(path)
    most = 0
    for each in file.slices():
        most = max(most, file._sound.held)
        assert each.wave.std() > 0.1
    assert most < 2 * RATE and file.end == 20.0


@pytest.mark.parametrize("ending", ["mkv", "mp4", "ts"])
def test_a_later_start_gives_the_same_slices(tmp_path, ending):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 255, (200, 48, 64, 3), np.uint8)
    codec = {"mp4": "aac", "ts": "mp2"}.get(ending, "pcm_s16le")
    path = tmp_path / f"film.{ending}"
    noise = rng.normal(0, 0.1, 8 * 44_100).astype(np.float32)
    sounds = pieces(noise, rate=44_100, size=1152 if ending == "ts" else 1024)
    write_timed(
        path,
        [(k / 25, row) for k, row in enumerate(rows)],
        sounds,
        rate=44_100,
        audio_codec=codec,
        gop=30,
    )
    _, unbroken = read(path)
    for start in (2.0, 4.0, 6.0):
        _, found = read(path, start=start)
        for one, other in zip(unbroken[round(start) // 2 :], found, strict=True):
            assert (one.start, one.stop) == (other.start, other.stop)
            assert np.array_equal(one.wave, other.wave)
            assert one.pictures.shown == other.pictures.shown
            assert one.pictures.looks == other.pictures.looks
            assert np.array_equal(one.pictures.grey, other.pictures.grey)
            assert np.array_equal(one.pictures.colour, other.pictures.colour)


def test_a_start_behind_the_end_gives_nothing(tmp_path):
    path = write_media(tmp_path / "short.wav", wave=tone(3.1), audio_codec="pcm_s16le")
    assert read(path, start=4.0)[1] == []


def test_what_cannot_be_read_is_told(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(MediaError, match="empty"):
        FileSlices(tmp_path / "empty.mp4")
    path = write_media(tmp_path / "talk.wav", wave=tone(1.0), audio_codec="pcm_s16le")
    with pytest.raises(MediaError, match="nothing can be read"):
        FileSlices(path, wish=Wish(sound=0))
    with pytest.raises(MediaError, match="nothing could be decoded"):
        list(FileSlices(path, limits=Limits(lowest_rate=20_000)).slices())


def test_what_is_held_does_not_grow(tmp_path):
    """Ten minutes of sound and of a picture that changes: never more than a slice is kept."""
    pictures = [(float(k), shade(40 + k % 100, 16, 16)) for k in range(600)]
    path = write_timed(tmp_path / "long.mkv", pictures, pieces(tone(600.0), size=16_000))
    file, most, count = FileSlices(path), 0, 0
    for each in file.slices():
        count += 1
        most = max(most, file._sound.held)
        assert len(each.pictures.grey) <= 3
    assert count == 300 and most <= 1.5 * RATE


def test_pictures_that_change_their_size_are_fitted_to_the_first(tmp_path):
    """A video call whose line gets better, and whose phone is turned."""
    parts = []
    for name, start, size in (("one", 0.0, (48, 64)), ("two", 2.0, (96, 72))):
        path = tmp_path / f"{name}.ts"
        frames = [(start + k / 25, shade(60 + 40 * round(start), *size)) for k in range(50)]
        parts.append(write_timed(path, frames).read_bytes())
    (tmp_path / "call.ts").write_bytes(b"".join(parts))
    file, found = read(tmp_path / "call.ts")
    assert {each.shape for part in found for each in part.pictures.grey} == {(48, 64)}
    assert any("fitted to 64 x 48" in note for note in file.notes)
    assert len(found) == 2


def test_a_length_that_is_an_estimate_is_not_held_against_the_file(tmp_path):
    """The rate of the first minute of an MP3 file without a table says little of its length."""
    quiet = write_media(
        tmp_path / "one.mp3", wave=np.zeros(10 * RATE, np.float32), audio_codec="libmp3lame"
    )
    data = quiet.read_bytes()
    path = tmp_path / "both.mp3"
    path.write_bytes(data[len(data) // 2 :] + data[len(data) // 2 :])
    file, _ = read(path)
    assert file.end > 5 and not file.notes
