import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.read import read_image, read_pair, read_video
from tests.helpers.format_files import picture, write_clip
from tests.helpers.media_files import corners, tone, write_media


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as decoder:
        yield decoder


def still(count: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.repeat(corners(height, width)[None], count, axis=0)


def test_too_many_streams(tmp_path):
    path = write_media(tmp_path / "clip.mp4", still(5), tone(1.0))
    with pytest.raises(MediaError, match=r"clip.mp4: 2 streams; at most 1 are read"):
        read_video(path, limits=Limits(streams=1))
    assert read_video(path, limits=Limits(streams=2)).frames is not None


def test_pictures_too_large(tmp_path):
    import cv2

    message = "pictures of 64 x 48 pixels; at most 50 a side"
    picture = tmp_path / "face.png"
    cv2.imwrite(str(picture), corners())
    with pytest.raises(MediaError, match=f"face.png: {message}"):
        read_image(picture, Limits(side=50))
    with pytest.raises(MediaError, match="face.png: a picture file of 0 MiB"):
        read_image(picture, Limits(picture_bytes=20))
    silent = write_media(tmp_path / "silent.mp4", still(5))
    with pytest.raises(MediaError, match=f"silent.mp4: nothing could be decoded .{message}"):
        read_video(silent, limits=Limits(side=50))
    talking = write_media(tmp_path / "talking.mp4", still(5), tone(1.0))
    media = read_video(talking, limits=Limits(pixels=3000))
    assert media.frames_reason == "decode_error" and media.wave is not None
    assert (
        media.problem == "pictures of 64 x 48 pixels; at most 16384 a side and 0 Mi in all are read"
    )


def test_pictures_of_an_unknown_codec_have_no_size(tmp_path):
    path = write_media(tmp_path / "clip.mp4", still(5), tone(1.0))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    media = read_video(path)
    assert media.frames_reason == "decode_error" and media.wave is not None
    assert media.problem


def test_what_is_wrong_with_the_sound_is_not_taken_from_the_picture(tmp_path, monkeypatch):
    path = write_media(tmp_path / "clip.mp4", still(5), tone(1.0))
    monkeypatch.setattr("mraf.extractors.media.one_pass.pictures.kept_size", _once_wrong())
    media = read_video(path, limits=Limits(highest_rate=8000))
    assert media.frames is not None and media.wave_reason == "decode_error"
    assert media.problem == "sound at 16000 Hz; 2000 to 8000 Hz are read"


def _once_wrong():
    sizes = iter([(-1, -1)])
    return lambda width, height, _: next(sizes, (width, height))


def test_a_stream_without_a_problem_has_none(tmp_path):
    assert read_video(write_media(tmp_path / "clip.mp4", still(5), tone(1.0))).problem is None
    assert read_video(write_media(tmp_path / "mute.mp4", still(5))).problem is None


def test_a_picture_is_refused_for_what_its_header_says_before_it_is_decoded(decoder, tmp_path):
    import zlib

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(100)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(MediaError, match="bomb.png: a larger picture than"):
        decoder.read(image=path)


@pytest.mark.parametrize(
    ("at", "form", "value", "message"),
    [
        (22, "<H", 96, "sound of 96 channels; 1 to 64 are read"),
        (24, "<I", 2_000_000_000, "sound at 2000000000 Hz; 2000 to 768000 Hz are read"),
        (24, "<I", 1, "sound at 1 Hz; 2000 to 768000 Hz are read"),
    ],
)
def test_sound_of_no_format_in_use(tmp_path, at, form, value, message):
    path = write_media(tmp_path / "voice.wav", wave=tone(1.0), audio_codec="pcm_s16le")
    data = bytearray(path.read_bytes())
    struct.pack_into(form, data, at, value)
    if at == 22:  # bytes of a sample of all channels, which must agree
        struct.pack_into("<H", data, 32, 2 * value)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=f"voice.wav.*{message}"):
        read_pair(path, None)


@pytest.mark.parametrize(("scale", "rate"), [(1, 10**9), (10**9, 1), (1, 1)])
def test_a_frame_rate_of_the_header_is_not_believed(tmp_path, scale, rate):
    path = write_media(tmp_path / "clip.avi", still(50), codec="mpeg4")
    data = bytearray(path.read_bytes())
    struct.pack_into("<II", data, data.index(b"strh") + 28, scale, rate)
    path.write_bytes(data)
    media = read_video(path)
    assert len(media.frames) == 8 and media.times[-1] <= 50
    assert (np.diff(media.times) >= 0).all()


def test_a_jump_of_the_time_stamps_does_not_lose_the_rest(tmp_path):
    frames = still(50)
    frames[25:] = 200
    path = tmp_path / "clip.nut"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mjpeg", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuvj420p"
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            for packet in video.encode(frame):
                if index >= 25:
                    packet.pts = packet.dts = packet.pts + 25 * 100_000
                container.mux(packet)
    media = read_video(path)
    assert len(media.frames) == 8
    assert media.frames[0].mean() < 150 and media.frames[-1].mean() > 150
    assert 1.5 < media.times[-1] < 2.1


def test_the_number_of_packets_is_bounded(tmp_path):
    path = write_media(tmp_path / "clip.mp4", still(100), fps=100)
    media = read_video(path, max_seconds=1.0, limits=Limits(packets=20))
    assert media.times[-1] < 0.2


@pytest.mark.parametrize(("height", "width", "kept"), [(1200, 2400, (1080, 2160)), (96, 5000, 79)])
def test_large_frames_and_pictures_are_scaled_down(tmp_path, height, width, kept):
    import cv2

    kept = kept if isinstance(kept, tuple) else (kept, 4096)
    path = write_media(tmp_path / "clip.avi", still(2, height, width), codec="mpeg4", rotation=0)
    media = read_video(path)
    assert media.frames.shape == (2, *kept, 3)
    expected = cv2.resize(corners(height, width), kept[::-1], interpolation=cv2.INTER_AREA)
    assert np.abs(media.frames[0].astype(int) - expected).mean() < 4
    cv2.imwrite(str(tmp_path / "face.png"), corners(height, width)[:, :, ::-1])
    assert np.array_equal(read_image(tmp_path / "face.png"), expected)


@pytest.mark.parametrize(
    ("height", "width", "shape", "kept"),
    [
        (1000, 2000, Fraction(5, 2), (819, 4095)),
        (1800, 1200, Fraction(2, 5), (4050, 1080)),
        (1600, 1100, Fraction(3, 2), (1080, 1113)),
        (96, 3001, Fraction(7, 5), (94, 4096)),
        (96, 3001, Fraction(3, 1), (96, 3001)),  # not believed
    ],
)
def test_frames_are_no_larger_once_their_pixels_are_square(tmp_path, height, width, shape, kept):
    frames = still(2, height, width)
    path = write_clip(
        tmp_path / "clip.mkv", picture("mpeg4", frames, pixel_shape=shape, options={"qscale": "2"})
    )
    found = read_video(path).frames
    assert found.shape == (2, *kept, 3)
    expected = corners(*kept)
    assert np.abs(found[0].astype(int) - expected).mean() < 6


def test_a_large_frame_is_turned_upright(tmp_path):
    path = write_media(tmp_path / "clip.mp4", still(2, 1200, 1600), rotation=90)
    picture = read_video(path).frames[0]
    assert picture.shape == (1440, 1080, 3)
    expected = np.rot90(corners(1080, 1440))
    assert np.abs(picture.astype(int) - expected).mean() < 6


PLAYLISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile other.ts\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet>'
    "<Representation><BaseURL>other.ts</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "smil": "<smil><body><video src='other.ts'/></body></smil>",
    "avisynth": 'DirectShowSource("other.ts")\n',
    "imf": '<?xml version="1.0"?><CompositionPlaylist/>',
}


@pytest.mark.parametrize("ending", ["mp4", "own", "wav"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_no_playlist_opens_another_file(decoder, tmp_path, kind, ending):
    os.mkfifo(tmp_path / "other.ts")  # opening it would not return
    endings = {"hls": "m3u8", "concat": "ffconcat", "dash": "mpd", "avisynth": "avs", "imf": "xml"}
    path = tmp_path / f"list.{endings.get(kind, kind) if ending == 'own' else ending}"
    path.write_text(PLAYLISTS[kind])
    for role in ("video", "audio"):
        with pytest.raises(MediaError, match=f"{path.name}: not a video or sound file"):
            decoder.read(**{role: path})


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/a.mp4", "pic%d.jpg", "concat:a.mp4|b.mp4"])
def test_a_name_is_the_name_of_one_file(decoder, tmp_path, monkeypatch, name):
    import cv2

    monkeypatch.chdir(tmp_path)
    cv2.imwrite("pic1.jpg", corners())
    write_media(Path("a.mp4"), still(2))
    for role in ("video", "audio", "image"):
        with pytest.raises(MediaError, match="no such file"):
            decoder.read(**{role: Path(name)})


def test_an_mp4_does_not_read_its_samples_from_another_file(decoder, tmp_path):
    """Its data reference names another file, as QuickTime reference movies do."""
    data = write_media(tmp_path / "clip.mov", still(10), codec="mjpeg").read_bytes()
    os.mkfifo(tmp_path / "other.mov")
    reference = b"url " + struct.pack(">I", 0) + str(tmp_path / "other.mov").encode() + b"\0"
    changed = _with_reference(data, struct.pack(">I", len(reference) + 4) + reference)
    assert b"other.mov" in changed and data.index(b"mdat") < data.index(b"moov")
    (tmp_path / "clip.mov").write_bytes(changed)
    try:
        decoder.read(tmp_path / "clip.mov")
    except MediaError as error:
        assert "took longer" not in str(error)


def _with_reference(boxes: bytes, entry: bytes) -> bytes:
    """The boxes with another entry in `dref`, the sizes of those around it put right."""
    out, at = b"", 0
    while at < len(boxes):
        size, kind = struct.unpack_from(">I4s", boxes, at)
        body = boxes[at + 8 : at + size]
        if kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            body = _with_reference(body, entry)
        elif kind == b"dref":
            body = body[:8] + entry
        out += struct.pack(">I4s", len(body) + 8, kind) + body
        at += size
    return out
