"""Read pictures: JPEG, PNG, WebP, BMP, TIFF, HEIC and AVIF, upright by their flags."""

from pathlib import Path

import numpy as np

from mraf.errors import MediaError
from mraf.extractors.media.diagnosis import picture_format
from mraf.extractors.media.frames import kept_size
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.one_pass import short

_OPENCV_NO_MEMORY = -4


def read_image(path: Path, limits: Limits = Limits()) -> np.ndarray:
    """Return a picture `[H, W, 3]` uint8 RGB, upright by its flag, scaled down like a frame.

    Raises:
        MediaError: the file is no picture, damaged or larger than the limits.
        MemoryError: there is too little memory to decode it.
    """
    import cv2

    size = check_file(path)
    if size > limits.picture_bytes:
        raise MediaError(
            f"{path.name}: a picture file of {size >> 20} MiB; at most "
            f"{limits.picture_bytes >> 20} MiB are read"
        )
    kind = _kind(path)
    if kind in ("HEIC", "HEIF", "AVIF"):
        picture = _in_boxes(path, kind, limits)
    else:
        picture = _by_opencv(path, limits)
        _check_size(path, limits, picture.shape[1], picture.shape[0])
    height, width = picture.shape[:2]
    if kept_size(width, height) != (width, height):
        picture = cv2.resize(picture, kept_size(width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture)


def _by_opencv(path: Path, limits: Limits) -> np.ndarray:
    import cv2

    try:
        raw = np.fromfile(path, np.uint8)
        picture = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except (OSError, cv2.error) as error:
        if "CV_IO_MAX_IMAGE" in str(error):  # OpenCV's own bounds, set in `child`
            raise MediaError(
                f"{path.name}: a larger picture than {limits.side} pixels a side or "
                f"{limits.pixels >> 20} Mi pixels in all, which is what is read"
            ) from None
        if isinstance(error, cv2.error) and error.code == _OPENCV_NO_MEMORY:
            raise MemoryError from None
        raise MediaError(
            f"{path.name}: not a picture that can be decoded ({short(error)})"
        ) from None
    if picture is None:
        raise MediaError(f"{path.name}: not a picture that can be decoded")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _in_boxes(path: Path, kind: str, limits: Limits) -> np.ndarray:
    """Read a picture that is stored in tiles, of which FFmpeg and OpenCV would give one or ignore the turn."""
    try:
        if kind == "AVIF":
            from PIL import Image, ImageOps

            Image.MAX_IMAGE_PIXELS = None  # the limits are checked here
            with Image.open(path, formats=["AVIF"]) as opened:
                _check_size(path, limits, *opened.size)
                return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
        import pi_heif

        found = pi_heif.open_heif(path, convert_hdr_to_8bit=True, bgr_mode=False)
        _check_size(path, limits, *found.size)
        picture = np.array(found)  # a copy: a view would outlive the memory that it shows
    except ImportError:
        raise MediaError(
            f"{path.name}: a {kind} picture, for which a package is missing. Run `pip install pi-heif`, "
            "or convert it to JPEG."
        ) from None
    except MemoryError:
        raise
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError) as error:
        raise MediaError(
            f"{path.name}: not a {kind} picture that can be decoded ({short(error)})"
        ) from None
    if picture.ndim == 2:
        picture = picture[:, :, None]
    return picture[:, :, :3] if picture.shape[2] > 2 else np.repeat(picture[:, :, :1], 3, axis=2)


def _kind(path: Path) -> str | None:
    try:
        return picture_format(path)
    except OSError:
        return None  # decoding says more


def _check_size(path: Path, limits: Limits, width: int, height: int) -> None:
    if problem := limits.check_size(width, height):
        raise MediaError(f"{path.name}: {problem}")
