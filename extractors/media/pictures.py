"""Read pictures: JPEG, PNG, WebP, BMP, TIFF, HEIC and AVIF, upright by their flags."""

import io
from pathlib import Path

import numpy as np

from mraf.errors import MediaError
from mraf.extractors.media.diagnosis import picture_format
from mraf.extractors.media.frames import kept_size
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.one_pass import short

_OPENCV_NO_MEMORY = -4
_NO_CODEC = ("plugin", "unsupported", "built in")
"""Words by which the libraries say that they have no decoder, rather than that a file is damaged."""


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
        picture = _by_opencv(path, kind, limits)
        _check_size(path, limits, picture.shape[1], picture.shape[0])
    height, width = picture.shape[:2]
    if kept_size(width, height) != (width, height):
        picture = cv2.resize(picture, kept_size(width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(picture)


def _by_opencv(path: Path, kind: str | None, limits: Limits) -> np.ndarray:
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
        if isinstance(error, OSError):
            raise MediaError(f"{path.name}: cannot be read ({short(error)})") from None
        raise _undecodable(path, kind) from None
    if picture is None:
        raise _undecodable(path, kind)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def _in_boxes(path: Path, kind: str, limits: Limits) -> np.ndarray:
    """Read a picture that is stored in tiles, of which FFmpeg and OpenCV would give one or ignore the turn.

    Raises MediaError, MemoryError.
    """
    try:
        return _avif(path, limits) if kind == "AVIF" else _heif(path, limits)
    except ImportError:
        raise MediaError(
            f"{path.name}: a {kind} picture, for which a package is missing. Run `pip install pi-heif`, "
            "or convert it to JPEG."
        ) from None
    except (MediaError, MemoryError):
        raise
    except (OSError, ValueError, RuntimeError, SyntaxError, EOFError) as error:
        if any(word in str(error).lower() for word in _NO_CODEC):
            raise _without_decoder(path, kind) from None
        raise _undecodable(path, kind) from None


def _avif(path: Path, limits: Limits) -> np.ndarray:
    from PIL import Image, ImageOps, features

    if not features.check("avif"):
        raise _without_decoder(path, "AVIF")
    Image.MAX_IMAGE_PIXELS = None  # the limits are checked here
    data = path.read_bytes()
    try:
        opened = Image.open(io.BytesIO(data), formats=["AVIF"])
    except OSError:
        # The brand of films on a file that holds a picture alone has the decoder look for a film.
        still = data[:8] + b"avif" + data[12:]
        opened = Image.open(io.BytesIO(still), formats=["AVIF"])
    with opened:
        _check_size(path, limits, *opened.size)
        return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))


def _heif(path: Path, limits: Limits) -> np.ndarray:
    import pi_heif

    found = pi_heif.open_heif(path, convert_hdr_to_8bit=True, bgr_mode=False)
    _check_size(path, limits, *found.size)
    picture = np.array(found)  # a copy: a view would outlive the memory that it shows
    if picture.ndim == 2:
        picture = picture[:, :, None]
    return picture[:, :, :3] if picture.shape[2] > 2 else np.repeat(picture[:, :, :1], 3, axis=2)


def _without_decoder(path: Path, kind: str) -> MediaError:
    article = "an" if kind == "AVIF" else "a"
    return MediaError(
        f"{path.name}: {article} {kind} picture of a kind that cannot be decoded here; convert it to JPEG"
    )


def _undecodable(path: Path, kind: str | None) -> MediaError:
    """Return the error on a file that no decoder takes; what their libraries say is for programmers."""
    if kind is None:
        return MediaError(f"{path.name}: not a picture that can be decoded")
    article = "an" if kind == "AVIF" else "a"
    return MediaError(
        f"{path.name}: {article} {kind} picture that cannot be decoded: the file is cut off or damaged"
    )


def _kind(path: Path) -> str | None:
    try:
        kind = picture_format(path)
        if kind == "HEIF" and b"av01" in path.open("rb").read(4096):
            return "AVIF"  # though no brand of the file says so
        return kind
    except OSError:
        return None  # decoding says more


def _check_size(path: Path, limits: Limits, width: int, height: int) -> None:
    if problem := limits.check_size(width, height):
        raise MediaError(f"{path.name}: {problem}")
