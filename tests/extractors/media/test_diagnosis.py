import numpy as np
import pytest

from mraf.errors import MediaError
from mraf.extractors.media.read import read_video
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
