import gc
import sys
from fractions import Fraction

import av
import numpy as np
import pytest

from mraf.extractors.media.limits import Limits
from mraf.extractors.streaming.decoding.shades import Shades
from tests.helpers.media_files import corners


def frame(picture: np.ndarray, form: str = "yuv420p") -> av.VideoFrame:
    made = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=form)
    return made


def shades(width=64, height=48, shape=None) -> Shades:
    return Shades(shape, (width, height), Limits())


@pytest.mark.parametrize(
    "form",
    "yuv420p yuvj420p yuv422p yuv444p nv12 yuv420p10le rgb24 gray bgra pal8 yuv411p".split(),
)
def test_grey_is_the_brightness_from_0_to_255(form):
    ramp = np.arange(256, dtype=np.uint8).repeat(2)[None, :, None].repeat(64, 0).repeat(3, 2)
    if form == "pal8":
        ramp = ramp // 85 * 85
        made = av.VideoFrame.from_ndarray(ramp, format="rgb24").reformat(format="rgb8")
    else:
        made = frame(ramp, form)
    found = shades(512, 64).grey(made)
    assert found.dtype == np.uint8 and found.flags.c_contiguous
    limit = 40 if form == "pal8" else 3
    assert np.abs(found.astype(int) - ramp[:, :, 0]).max() <= limit


def test_both_have_one_size():
    one = shades(1920, 1080)
    picture = frame(corners(1080, 1920))
    assert one.grey(picture).shape == (720, 1280) == one.colour(picture).shape[:2]
    assert one.size == (1280, 720) and not one.has_changed


def test_pixels_become_square():
    one = shades(64, 48, Fraction(2, 1))
    assert one.grey(frame(corners())).shape == (48, 128)
    assert one.colour(frame(corners())).shape == (48, 128, 3)


def test_tall_pictures_keep_their_detail():
    assert shades(1080, 1920).grey(frame(corners(1920, 1080))).shape == (1280, 720)


@pytest.mark.parametrize("size", [(96, 128), (24, 32), (48, 48)])
def test_a_picture_of_another_size_is_fitted(size):
    one = shades()
    one.grey(frame(corners()))
    found = one.grey(frame(corners(*size)))
    assert found.shape == (48, 64) and one.colour(frame(corners(*size))).shape == (48, 64, 3)
    assert one.has_changed
    assert found[:20, 32].mean() > found[30:, 32].mean()


def test_a_picture_that_is_too_large_is_an_error():
    one = Shades(None, (64, 48), Limits(side=50))
    with pytest.raises(ValueError, match="64 x 48"):
        one.grey(frame(corners()))


def test_frames_are_let_go_at_once():
    """PyAV's side data and its frame hold each other: of a film, seconds of frames would pile up."""
    one = shades()
    one.grey(frame(corners()))
    gc.collect()
    gc.disable()
    try:
        made = frame(corners())
        one.grey(made)
        one.colour(made)
        assert sys.getrefcount(made) == 2 and not gc.get_referrers(made)[1:]
    finally:
        gc.enable()
