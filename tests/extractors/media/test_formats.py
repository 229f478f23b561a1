"""Every container and codec: files are written, read, and their frames and sound are checked."""

from pathlib import Path

import av
import numpy as np
import pytest

from mraf.data.clips.listing import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from mraf.extractors.media.read import SAMPLE_RATE, read_image, read_pair, read_video
from tests.helpers.format_files import (
    RATES,
    Sound,
    check_chirp,
    check_corners,
    check_film,
    chirp,
    film,
    picture,
    quarters,
    sound,
    write_clip,
)

VIDEOS = """
mp4 libx264 aac      mp4 libx265 aac       mp4 mpeg4 aac         mp4 libsvtav1 libopus
mp4 mjpeg libmp3lame mp4 libvpx-vp9 flac   mp4 mpeg2video mp2    mp4 mpeg1video ac3
mov libx264 aac      mov libx265 pcm_s16le mov mjpeg pcm_s16be   mov prores_ks pcm_s24le
mov png alac         mov qtrle pcm_s16be   mov mpeg4 alac        m4v libx264 aac
mkv libx264 flac     mkv libx265 eac3      mkv libvpx vorbis     mkv libvpx-vp9 libopus
mkv libsvtav1 aac    mkv mpeg2video ac3    mkv ffv1 pcm_s16le    mkv mjpeg libmp3lame
mkv mpeg4 mp2        mkv mpeg1video mp2    mkv libtheora vorbis  3gp libx264 amr_nb
webm libvpx vorbis   webm libvpx libopus   webm libvpx-vp9 libopus webm libsvtav1 libopus
avi mpeg4 libmp3lame avi mjpeg pcm_s16le   avi libx264 ac3       avi msmpeg4 libmp3lame
avi huffyuv pcm_u8   avi rawvideo pcm_s16le avi ffv1 pcm_mulaw   3gp mpeg4 aac
mpg mpeg1video mp2   mpg mpeg2video mp2    mpg mpeg2video ac3    vob mpeg2video ac3
flv flv libmp3lame   flv libx264 aac       f4v libx264 aac       mxf mpeg2video pcm_s16le
ts libx264 aac       ts mpeg2video mp2     ts libx265 ac3        ts mpeg1video libmp3lame
ts libx264 libopus   m2ts libx264 ac3      wmv wmv1 wmav1        wmv wmv2 wmav2
asf mpeg4 libmp3lame ogv libtheora vorbis  nut mpeg4 flac        wtv mpeg2video mp2
"""


SOUNDS = """
wav pcm_s16le 16000 mono    wav pcm_s16le 8000 mono    wav pcm_s24le 44100 stereo
wav pcm_f32le 48000 5.1     wav pcm_u8 11025 mono      wav pcm_s16le 96000 stereo
wav pcm_mulaw 8000 mono     flac flac 44100 stereo     flac flac 48000 7.1
mp3 libmp3lame 44100 stereo mp3 libmp3lame 16000 mono  m4a aac 48000 stereo
m4a aac 22050 mono          m4a aac 48000 5.1          m4a alac 44100 stereo
aac aac 32000 stereo        opus libopus 48000 mono    opus libopus 48000 5.1
ogg vorbis 44100 stereo     ac3 ac3 48000 5.1          eac3 eac3 48000 5.1
mp2 mp2 48000 stereo        aiff pcm_s16be 44100 mono  caf pcm_s16le 16000 mono
amr amr_nb 8000 mono        mkv libopus 48000 7.1      w64 pcm_s16le 48000 quad
"""

BARE = "h264 libx264 hevc libx265 ivf libvpx-vp9 obu libsvtav1 m1v mpeg1video mjpeg mjpeg"


def cases(text: str, size: int) -> list[tuple[str, ...]]:
    words = text.split()
    return [tuple(words[start : start + size]) for start in range(0, len(words), size)]


@pytest.mark.parametrize(("ending", "codec", "sound_codec"), cases(VIDEOS, 3))
def test_container_and_codecs(tmp_path, ending, codec, sound_codec):
    if sound_codec.startswith("wma"):  # its encoder wants two channels
        tracks = [picture(codec), sound(sound_codec, 44_100, "stereo")]
    elif sound_codec == "vorbis":
        tracks = [picture(codec), sound(sound_codec, layout="stereo")]
    else:
        tracks = [picture(codec), sound(sound_codec, RATES.get(sound_codec, 48_000))]
    media = read_video(write_clip(tmp_path / f"clip.{ending}", *tracks))
    check_film(media)
    check_chirp(media.wave)


@pytest.mark.parametrize(("ending", "codec", "rate", "layout"), cases(SOUNDS, 4))
def test_sound_file(tmp_path, ending, codec, rate, layout):
    path = write_clip(tmp_path / f"sound.{ending}", sound(codec, int(rate), layout))
    media = read_pair(path, None)
    assert media.frames_reason == "no_video"
    check_chirp(media.wave)  # of 5.1 and 7.1, the centre alone


@pytest.mark.parametrize(("ending", "codec"), cases(BARE, 2))
def test_bare_stream(tmp_path, ending, codec):
    check_film(read_video(write_clip(tmp_path / f"clip.{ending}", picture(codec))))


def test_all_that_is_read_is_found_below_folders(tmp_path):
    read = [*cases(VIDEOS, 3), *cases(SOUNDS, 4), *cases(BARE, 2)]
    endings = {f".{ending}" for ending, *_ in read}
    assert endings <= VIDEO_SUFFIXES | AUDIO_SUFFIXES


@pytest.mark.parametrize(
    ("ending", "container", "codec", "sound_codec"),
    [
        ("3g2", "3g2", "mpeg4", "aac"),
        ("divx", "avi", "mpeg4", "libmp3lame"),
        ("m2t", "mpegts", "mpeg2video", "mp2"),
        ("mpe", "mpeg", "mpeg1video", "mp2"),
        ("ogm", "ogg", "libtheora", "vorbis"),
        ("qt", "mov", "libx264", "aac"),
    ],
)
def test_other_endings_of_the_same_containers(tmp_path, ending, container, codec, sound_codec):
    voice = sound(sound_codec, layout="stereo" if sound_codec == "vorbis" else "mono")
    path = tmp_path / f"clip.{ending}"
    check_film(read_video(write_clip(path, picture(codec), voice, container_format=container)))
    assert path.suffix in VIDEO_SUFFIXES


@pytest.mark.parametrize(
    ("ending", "codec", "pix_fmt", "size"),
    [
        ("mp4", "libx264", "yuv444p", (99, 177)),
        ("webm", "libvpx-vp9", "yuv420p", (99, 177)),
        ("avi", "mjpeg", "yuvj420p", (97, 161)),
        ("mp4", "libx264", "yuv420p10le", (96, 160)),
        ("mkv", "libx265", "yuv420p10le", (96, 160)),
        ("webm", "libsvtav1", "yuv420p10le", (96, 160)),
        ("mkv", "libx264", "yuv422p", (96, 160)),
        ("mp4", "libx264", "yuvj420p", (96, 160)),
    ],
)
def test_sizes_and_pixel_formats(tmp_path, ending, codec, pix_fmt, size):
    track = picture(codec, film(25, *size), pix_fmt=pix_fmt)
    check_film(read_video(write_clip(tmp_path / f"clip.{ending}", track)), size)


@pytest.mark.parametrize(
    ("ending", "codec", "pix_fmt"),
    [
        ("webm", "libvpx", "yuva420p"),
        ("webm", "libvpx-vp9", "yuva420p"),
        ("mov", "qtrle", "argb"),
        ("mov", "png", "rgba"),
        ("mov", "prores_ks", "yuva444p10le"),
    ],
)
def test_alpha_is_left_out(tmp_path, ending, codec, pix_fmt):
    alpha = np.full((25, 96, 160, 1), 255, np.uint8)
    alpha[:, :, :80] = 60
    track = picture(codec, np.concatenate([film(), alpha], axis=3), pix_fmt=pix_fmt)
    check_film(read_video(write_clip(tmp_path / f"clip.{ending}", track)))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_colours_of_high_definition(tmp_path, ending):
    path = write_clip(tmp_path / f"clip.{ending}", picture(bt709=True))
    check_corners(
        read_video(path).frames, tolerance=5
    )  # read by the other standard they are up to 27 off


def test_interlaced_mpeg2(tmp_path):
    from av.codec.context import Flags

    settings = {"flags": Flags.interlaced_dct | Flags.interlaced_me}
    check_film(
        read_video(write_clip(tmp_path / "clip.mpg", picture("mpeg2video", settings=settings)))
    )


def test_grey_video(tmp_path):
    frames = read_video(write_clip(tmp_path / "clip.mp4", picture(pix_fmt="gray"))).frames
    assert (np.ptp(frames.astype(int), axis=3) <= 2).all()
    assert frames[0, 12, 140, 0] > frames[0, 12, 20, 0] + 20  # green is lighter than red


def test_a_video_track_without_a_frame(tmp_path):
    media = read_video(write_clip(tmp_path / "clip.mkv", picture(frames=film()[:0]), sound()))
    assert (media.frames, media.frames_reason) == (None, "decode_error")
    check_chirp(media.wave)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
def test_sound_that_starts_later_than_the_picture(tmp_path, ending):
    path = tmp_path / f"clip.{ending}"
    media = read_video(write_clip(path, picture(frames=film(75)), sound(start=2.0)))
    assert len(media.frames) == 8 and media.times[-1] > 2.6
    check_chirp(media.wave)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_the_first_of_several_streams_is_read(tmp_path, ending):
    tracks = [picture(), picture(frames=film()[:, ::-1, ::-1].copy())]
    tracks += [sound(), sound(wave=np.zeros(48_000, np.float32))]
    media = read_video(write_clip(tmp_path / f"clip.{ending}", *tracks))
    check_film(media)
    check_chirp(media.wave)


def test_a_data_stream_beside(tmp_path):

    source = write_clip(tmp_path / "source.ts", picture(), sound())
    path = tmp_path / "clip.ts"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        data = new.add_data_stream("timed_id3")
        copies = {each.index: new.add_stream_from_template(each) for each in old.streams}
        for number, packet in enumerate(p for p in old.demux() if p.dts is not None):
            packet.stream = copies[packet.stream.index]
            note = av.Packet(b"ID3 a note")
            note.stream, note.time_base = data, packet.time_base
            note.pts = note.dts = packet.dts
            for each in [note, packet] if number % 10 == 0 else [packet]:
                new.mux(each)
    with av.open(str(path)) as container:
        assert len(container.streams.data) == 1
    media = read_video(path)
    check_film(media)
    check_chirp(media.wave)


@pytest.mark.parametrize(("seconds", "longest"), [(0.2, 0.26), (0.02, 0.08)])
def test_short_sound(tmp_path, seconds, longest):
    media = read_video(write_clip(tmp_path / "clip.mp4", picture(), sound(wave=chirp(seconds))))
    assert seconds <= len(media.wave) / SAMPLE_RATE <= longest


def test_silence_is_sound(tmp_path):
    track = sound(wave=np.zeros(48_000, np.float32))
    media = read_video(write_clip(tmp_path / "clip.mp4", picture(), track))
    assert media.wave_reason is None and np.abs(media.wave).max() < 1e-3


def test_a_voice_in_one_of_two_channels(tmp_path):
    wave = np.stack([chirp(), np.zeros(48_000, np.float32)])
    path = write_clip(tmp_path / "sound.wav", Sound(wave, "pcm_s16le", layout="stereo"))
    check_chirp(read_pair(path, None).wave)


def test_loud_surround_is_not_cut_off(tmp_path):
    wave = np.repeat(chirp()[None], 6, axis=0)
    path = write_clip(tmp_path / "sound.wav", Sound(wave, "pcm_s16le", layout="5.1"))
    found = read_pair(path, None).wave
    spectrum = np.abs(np.fft.rfft(found[6400:9600] * np.hanning(3200)))
    assert spectrum[600:].max() < 0.01 * spectrum.max()  # overtones of a cut off wave


def test_a_codec_that_is_not_known(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", picture(), sound())
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    media = read_video(path)
    assert (media.frames, media.frames_reason) == (None, "decode_error")
    check_chirp(media.wave)


def test_a_sound_codec_that_is_not_known(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", picture(), sound("libopus"))
    path.write_bytes(path.read_bytes().replace(b"A_OPUS", b"A_NONE"))
    media = read_video(path)
    assert (media.wave, media.wave_reason) == (None, "decode_error")
    check_film(media)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "bmp", "tiff"])
def test_picture_file(tmp_path, ending):
    from PIL import Image

    path = tmp_path / f"face.{ending}"
    Image.fromarray(quarters(99, 177)).save(path)
    found = read_image(path)
    assert found.shape == (99, 177, 3)
    check_corners(found[None])


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation(tmp_path, turn):
    from PIL import Image, ImageOps

    exif = Image.Exif()
    exif[0x0112] = turn
    path = tmp_path / "face.jpg"
    whole = Image.fromarray(quarters())
    undo = {1: [], 2: [0], 3: [3], 4: [1], 5: [5], 6: [2], 7: [6], 8: [4]}[turn]
    for method in undo:
        whole = whole.transpose(Image.Transpose(method))
    whole.save(path, exif=exif, quality=95)
    assert ImageOps.exif_transpose(Image.open(path)).size == (160, 96)
    check_corners(read_image(path)[None])


def test_png_of_every_kind(tmp_path):
    import cv2

    path = tmp_path / "face.png"
    bgr = quarters()[:, :, ::-1]
    for written in (
        bgr,
        np.dstack([bgr, np.full((96, 160), 90, np.uint8)]),
        bgr.astype(np.uint16) * 257,
    ):
        cv2.imwrite(str(path), written)
        assert (read_image(path) == quarters()).all()
    cv2.imwrite(str(path), bgr[:, :, 1])
    assert (read_image(path) == quarters()[:, :, 1:2]).all()


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "opus", "m4a"])
def test_pair(tmp_path, ending):
    from PIL import Image

    codecs = {"wav": "pcm_s16le", "mp3": "libmp3lame", "opus": "libopus", "m4a": "aac"}
    audio = write_clip(tmp_path / f"voice.{ending}", sound(codecs.get(ending, ending)))
    image = tmp_path / "face.jpg"
    Image.fromarray(quarters()).save(image, quality=95)
    media = read_pair(Path(audio), image)
    check_corners(media.frames)
    check_chirp(media.wave)
