from dataclasses import replace

import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.read import read_video
from tests.helpers.format_files import check_chirp, need, sound, write_clip
from tests.helpers.media_files import corners, tone, write_media


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda data: b"", "the file is empty"),
        (lambda data: bytes(len(data)), "nothing but zeros"),
        (lambda data: data[: len(data) // 2], "its index is missing"),
        (lambda data: data[1000:], "Invalid data"),
        (lambda data: _mdat(data, 1 << 24), "its index is there, but not where"),
        (lambda data: _mdat(data, 300), "its index is there, but not where"),
        (lambda data: _mdat(data, 300)[: len(data) // 2], "its index is missing"),
        (lambda data: _picture(".png"), "it is a PNG picture"),
        (lambda data: _picture(".webp"), "it is a WebP picture"),
        (lambda data: _picture(".bmp"), "it is a BMP picture"),
        (lambda data: _picture(".tiff"), "it is a TIFF picture"),
        (lambda data: b"\0\0\0\x18ftypheic" + bytes(3000), "it is a HEIC picture"),
    ],
)
def test_common_damage_is_called_by_its_name(tmp_path, damage, reason):
    path = write_media(tmp_path / "clip.mp4", np.stack([corners()] * 25), tone(1.0))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(MediaError, match=rf"clip\.mp4: .*{reason}"):
        read_video(path)


def _mdat(data: bytes, size: int) -> bytes:
    """The file with another size in the header of the box that holds its frames."""
    at = data.index(b"mdat") - 4
    return data[:at] + size.to_bytes(4, "big") + data[at + 4 :]


def _picture(suffix: str) -> bytes:
    import cv2

    return cv2.imencode(suffix, corners())[1].tobytes()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "a.sph",
            b"NIST_1A\n   1024\nchannel_count -i 1\n".ljust(4000),
            "format not supported: NIST SPHERE",
        ),
        ("a.wav", b"NIST_1A\n   1024\n".ljust(4000), "format not supported: NIST SPHERE"),
        ("a.tak", b"tBaK" + bytes(range(256)) * 8, "format not supported: TAK"),
        ("a.ofr", b"OFR " + bytes(range(256)) * 8, "format not supported: OptimFROG"),
        ("a.dss", b"\2dss" + bytes(range(256)) * 8, "format not supported: DSS"),
        (
            "a.mp4",
            b"<!DOCTYPE html>\n<html><body>Not found</body></html>",
            "this is a web page: the download failed",
        ),
        ("a.mp4", b"\n <HTML><head></head></HTML>", "this is a web page: the download failed"),
        (
            "a.mp4",
            b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
            "error message of a web server",
        ),
        ("a.mp4", b'{"error": "not found"}', "this is text .JSON., not a recording"),
        ("a.mp4", "Grüße, this is a transcript.\n".encode() * 500, "this is text, not a recording"),
        ("a.mp4", b"version https://git-lfs.github.com/spec/v1\noid", "a pointer of Git LFS"),
        ("a.mp4", b"#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1/a.ts\n", "it is a playlist"),
        ("a.mp4", b"%PDF-1.7\n" + bytes(range(256)) * 8, "it is a PDF document"),
        ("a.mp4", b"PK\3\4" + bytes(range(256)) * 8, "it is a ZIP archive"),
        ("a.aax", b"\0\0\0\x18ftypaax " + bytes(3000), "copy-protected"),
        ("a.aiff", b"FORM\0\0\1\0AIFF" + bytes(range(200)), "begins like AIFF, .* damaged"),
        ("a.aif", b"FORM\0\0\1\0AIFC" + bytes(range(200)), "begins like AIFF, .* damaged"),
        ("a.iff", b"FORM\0\0\1\0ILBM" + bytes(range(200)), "format not supported: IFF"),
        ("a.wv", b"wvpk\0\1" + bytes(range(256)) * 8, "begins like WavPack, .* damaged"),
        ("a.shn", b"ajkg\2\0" + bytes(range(256)) * 8, "Shorten file is damaged"),
        ("a.mp4.part", bytes(range(256)) * 8, "a download that has not ended"),
    ],
)
def test_what_is_no_recording_is_called_by_its_name(tmp_path, name, content, reason):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=rf"{name}: .*{reason}"):
        read_video(path)


def test_copy_protection_is_told(tmp_path):
    path = write_media(tmp_path / "clip.mp4", wave=tone(1.0))
    data = bytearray(path.read_bytes().replace(b"mp4a", b"enca"))
    start = data.index(b"mdat") + 4
    noise = np.random.default_rng(0).bytes(data.index(b"moov") - 4 - start)
    data[start : start + len(noise)] = noise
    path.write_bytes(data)
    with pytest.raises(MediaError, match="copy-protected"):
        read_video(path)


@pytest.mark.parametrize(
    ("ending", "codec"), [("voc", "pcm_s16le"), ("thd", "truehd"), ("mlp", "mlp")]
)
def test_more_kinds_of_sound_are_read(tmp_path, ending, codec):
    need(codec)
    track = replace(sound(codec, layout="stereo"), options={"strict": "-2"})
    container = {"thd": "truehd"}.get(ending, ending)
    check_chirp(
        read_video(write_clip(tmp_path / f"a.{ending}", track, container_format=container)).wave
    )
