from pathlib import Path

import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.read import SAMPLE_RATE, Media, read_image, read_pair, read_video
from tests.helpers.media_files import corners, tone, write_media


def still(count: int = 50) -> np.ndarray:
    return np.repeat(corners()[None], count, axis=0)


def counting(count: int) -> np.ndarray:
    """Frames that grow brighter with time."""
    level = np.linspace(20, 230, count).astype(np.uint8)
    return np.broadcast_to(level[:, None, None, None], (count, 48, 64, 3)).copy()


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("media") / "clip.mp4"
    return write_media(path, counting(50), tone(2.0))


def test_frames_are_spread_over_the_whole_clip(video):
    media = read_video(video, frames=8)
    assert media.frames.shape == (8, 48, 64, 3)
    brightness = media.frames.mean(axis=(1, 2, 3))
    assert (np.diff(brightness) > 5).all()
    assert media.times[0] < 0.3 and media.times[-1] > 1.6


@pytest.mark.parametrize(
    ("count", "wanted", "got"), [(3, 8, 3), (1, 8, 1), (200, 5, 5), (17, 8, 8)]
)
def test_any_number_of_frames(tmp_path, count, wanted, got):
    media = read_video(write_media(tmp_path / "clip.mp4", counting(count)), frames=wanted)
    assert len(media.frames) == got
    if count > 2 * wanted:  # evenly, to within a step
        steps = np.diff(media.times)
        assert steps.max() <= 2.1 * steps.min()


def test_sound_is_16_khz_mono_whole_and_as_loud_as_it_was(tmp_path):
    path = write_media(tmp_path / "clip.mp4", still(), tone(2.0, 44_100), rate=44_100)
    wave = read_video(path).wave
    assert abs(len(wave) / SAMPLE_RATE - 2.0) < 0.1
    middle = wave[8000:24000]
    assert abs(np.sqrt(np.mean(middle**2)) - 0.3 / np.sqrt(2)) < 0.02
    peak = np.abs(np.fft.rfft(middle)).argmax() * SAMPLE_RATE / len(middle)
    assert abs(peak - 440) < 3


@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90])
def test_rotation_flag_is_applied(tmp_path, rotation):
    filmed = np.rot90(corners(), -rotation // 90)  # what a camera on its side records
    frames = np.repeat(np.ascontiguousarray(filmed)[None], 5, axis=0)
    media = read_video(write_media(tmp_path / "clip.mp4", frames, rotation=rotation))
    assert media.frames.shape[1:] == corners().shape
    difference = np.abs(media.frames[0].astype(int) - corners().astype(int))
    assert np.median(difference) < 12


def test_of_a_long_video_the_beginning_is_read(tmp_path):
    path = write_media(tmp_path / "clip.mp4", counting(100), tone(4.0))
    media = read_video(path, max_seconds=1.0)
    assert media.times[-1] <= 1.0
    assert len(media.wave) / SAMPLE_RATE < 1.2


def test_clock_of_a_broadcast_stream_does_not_cut_it(tmp_path):
    # MPEG-TS starts its clock above zero; a limit below that must still see the beginning.
    path = write_media(tmp_path / "clip.ts", counting(50), tone(2.0))
    media = read_video(path, max_seconds=1.0)
    assert media.times[0] == 0 and media.wave is not None


@pytest.mark.parametrize(("frames", "wave"), [(True, False), (False, True)])
def test_a_stream_that_is_not_there_has_a_reason(tmp_path, frames, wave):
    path = tmp_path / "clip.mp4"
    media = read_video(write_media(path, still() if frames else None, tone(1.0) if wave else None))
    assert (media.frames is None, media.frames_reason) == (
        (False, None) if frames else (True, "no_video")
    )
    assert (media.wave is None, media.wave_reason) == (
        (False, None) if wave else (True, "no_audio")
    )


def test_truncated_file_gives_what_is_left_or_a_media_error(tmp_path):
    whole = write_media(
        tmp_path / "clip.mkv", counting(100), tone(4.0), audio_codec="libopus", rate=48_000
    )
    raw = whole.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(raw[: len(raw) // 2])
    media = read_video(cut)
    assert media.frames is not None and media.times[-1] < 3.9
    cut.write_bytes(raw[:60])
    with pytest.raises(MediaError, match="cut.mkv"):
        read_video(cut)


@pytest.mark.parametrize("content", [b"", b"just some text\n" * 50, bytes(4096)])
def test_what_is_no_video_is_refused_by_name(tmp_path, content):
    path = tmp_path / "talk.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="talk.mp4"):
        read_video(path)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        read_video(tmp_path / "nothing.mp4")
    with pytest.raises(MediaError):
        read_video(tmp_path)


def test_name_with_spaces_quotes_and_urdu_letters(tmp_path):
    path = tmp_path / "a 'b' \"c\" آواز.mp4"
    assert read_video(write_media(path, still(5))).frames is not None


def test_picture_and_sound_pair(tmp_path):
    import cv2

    image, audio = tmp_path / "face.png", tmp_path / "voice.wav"
    cv2.imwrite(str(image), corners()[:, :, ::-1])
    write_media(audio, wave=tone(1.5), audio_codec="pcm_s16le")
    media = read_pair(audio, image)
    assert (media.frames[0] == corners()).all()
    assert abs(len(media.wave) - 24_000) < 100
    assert read_pair(audio, None).frames_reason == "no_video"
    assert read_pair(None, image).wave_reason == "no_audio"
    image.write_bytes(b"no picture")
    media = read_pair(audio, image)
    assert media.frames_reason == "decode_error" and media.wave is not None
    assert media.problem == "face.png: not a picture that can be decoded"
    with pytest.raises(MediaError, match="face.png"):
        read_pair(None, image)


def test_picture_is_turned_by_its_exif_flag(tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # filmed a quarter turn to the left
    Image.fromarray(np.rot90(corners())).save(tmp_path / "face.jpg", exif=exif, quality=95)
    assert np.median(np.abs(read_image(tmp_path / "face.jpg").astype(int) - corners())) < 12


def test_media_checks_its_arrays():
    with pytest.raises(ValueError, match="uint8"):
        Media(frames=np.zeros((1, 2, 2, 3)), times=np.zeros(1), wave=None)
    with pytest.raises(ValueError, match="float32"):
        Media(frames=None, times=np.zeros(0), wave=np.zeros(4))


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_agrees_with_opencv(tmp_path, rotation):
    import cv2

    path = write_media(tmp_path / "clip.mp4", still(5), rotation=rotation)
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    _, expected = capture.read()
    found = read_video(path).frames[0]
    assert found.shape == expected.shape
    assert np.median(np.abs(found.astype(int) - expected[:, :, ::-1])) < 6


def test_cover_art_is_no_picture_of_the_speaker(tmp_path):
    import av
    from av.stream import Disposition

    sound = write_media(tmp_path / "sound.m4a", wave=tone(1.5))
    cover = write_media(tmp_path / "cover.mp4", still(1), codec="mjpeg", fps=1)
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as new, av.open(str(sound)) as one, av.open(str(cover)) as two:
        sources = (one.streams.audio[0], two.streams.video[0])
        streams = [new.add_stream_from_template(source) for source in sources]
        streams[1].disposition = Disposition.attached_pic
        for source, stream in zip(sources, streams, strict=True):
            for packet in source.container.demux(source):
                if packet.dts is not None:
                    packet.stream = stream
                    new.mux(packet)
    media = read_video(path)
    assert (media.frames, media.frames_reason) == (None, "only_cover") and media.wave is not None


def test_a_colon_in_a_name_is_no_protocol(tmp_path, monkeypatch):
    write_media(tmp_path / "Interview: part 1.mp4", still(5))
    monkeypatch.chdir(tmp_path)
    assert read_video(Path("Interview: part 1.mp4")).frames is not None


@pytest.mark.parametrize(
    "text", ["ffconcat version 1.0\nfile other.mp4\n", "#EXTM3U\n#EXTINF:1,\nother.mp4\n"]
)
def test_a_playlist_does_not_open_other_files(tmp_path, text):
    write_media(tmp_path / "other.mp4", still(5))
    (tmp_path / "list.mp4").write_text(text)
    with pytest.raises(MediaError, match="list.mp4"):
        read_video(tmp_path / "list.mp4")


def test_a_sound_file_without_sound_is_told_so(tmp_path):
    path = write_media(tmp_path / "voice.m4a.mp4", still(5)).rename(tmp_path / "voice.m4a")
    with pytest.raises(MediaError, match=r"voice\.m4a: the file holds no sound$"):
        read_pair(path, None)
