"""Pictures of every kind, upright by their flags."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from mraf.errors import MediaError
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.pictures import read_image
from mraf.extractors.media.read import read_video
from tests.helpers.format_files import check_corners, quarters
from tests.helpers.media_files import tone, write_media

ORIENTATION = 0x112
TURNED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}
"""Turns the upright picture into the stored one, by the flag that undoes it."""


def flagged(flag: int) -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[ORIENTATION] = flag
    return Image.fromarray(np.ascontiguousarray(TURNED[flag](quarters()))), exif


def write_heic(path, picture: np.ndarray, **options):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.fromarray(picture)).save(str(path), quality=95, **options)
    return path


@pytest.mark.parametrize("flag", TURNED)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_pictures_are_upright(tmp_path, kind, flag):
    picture, exif = flagged(flag)
    path = tmp_path / f"photo.{kind.lower()}"
    quality = {"lossless": True} if kind == "WEBP" else {} if kind == "PNG" else {"quality": 95}
    picture.save(path, kind, exif=exif, **({} if kind == "TIFF" else quality))
    found = read_image(path)
    assert found.shape == (96, 160, 3)
    check_corners(found[None], 25)


def test_a_heic_picture_is_read_whole(tmp_path):
    """Cameras store tiles of 512 pixels, of which FFmpeg gives one."""
    path = write_heic(tmp_path / "photo.heic", quarters(1400, 1100))
    found = read_image(path)
    assert found.shape == (1375, 1080, 3)
    check_corners(found[None], 20)
    with Decoder() as decoder:
        assert np.array_equal(decoder.read(image=path).frames[0], found)


@pytest.mark.parametrize("flag", TURNED)
def test_a_heic_picture_is_upright(tmp_path, flag):
    picture, exif = flagged(flag)
    path = write_heic(tmp_path / "photo.heic", np.asarray(picture), exif=exif.tobytes())
    found = read_image(path)
    assert found.shape == (96, 160, 3)
    check_corners(found[None], 25)


def test_a_grey_heic_picture(tmp_path):
    path = write_heic(tmp_path / "photo.heic", np.full((64, 64), 99, np.uint8))
    assert np.abs(read_image(path).astype(int) - 99).max() < 4


@pytest.mark.parametrize("kind", ["heic", "avif"])
def test_the_limits_hold_before_a_picture_is_decoded(tmp_path, kind):
    path = tmp_path / f"photo.{kind}"
    if kind == "heic":
        write_heic(path, quarters(200, 300))
    else:
        Image.fromarray(quarters(200, 300)).save(path, "AVIF")
    with pytest.raises(MediaError, match="pictures of 300 x 200 pixels"):
        read_image(path, Limits(side=250))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(
        MediaError, match=f"{kind.upper()} picture that cannot be decoded: the file is"
    ):
        read_image(path)


@pytest.mark.parametrize("kind", ["heic", "avif", "jpeg", "png", "webp"])
@pytest.mark.parametrize("share", [0.2, 0.6])
def test_a_picture_that_is_cut_off_is_called_so(tmp_path, kind, share):
    """In one line, without what the libraries say."""
    path = tmp_path / f"photo.{kind}"
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    if kind == "heic":
        write_heic(path, noise)
    else:
        Image.fromarray(noise).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    name = {"webp": "WebP"}.get(kind, kind.upper())
    try:
        read_image(path)  # some decoders give the part that is there
    except MediaError as error:
        article = "an" if kind == "avif" else "a"
        assert str(error) == (
            f"photo.{kind}: {article} {name} picture that cannot be decoded: the file is cut off or damaged"
        )
    else:
        assert kind in ("jpeg", "png")


def rebranded(data: bytes, major: bytes, others: bytes | None = None) -> bytes:
    """The picture in boxes with other brands."""
    size = int.from_bytes(data[:4], "big")
    kept = data[16:size] if others is None else others * ((size - 16) // 4)
    return data[:8] + major + data[12:16] + kept + data[size:]


@pytest.mark.parametrize(
    ("major", "others"),
    [(b"mif1", None), (b"msf1", None), (b"miaf", None), (b"avis", None), (b"mif1", b"mif1")],
)
def test_an_avif_picture_of_another_brand_is_read(tmp_path, major, others):
    path = tmp_path / "photo.avif"
    Image.fromarray(quarters()).save(path, quality=95)
    path.write_bytes(rebranded(path.read_bytes(), major, others))
    check_corners(read_image(path)[None], 25)
    with pytest.raises(MediaError, match="it is an? (AVIF|HEIF) picture"):
        read_video(path)


@pytest.mark.parametrize("major", [b"mif1", b"msf1", b"hevc", b"heim", b"heis", b"hevx"])
def test_a_heic_picture_of_another_brand_is_read(tmp_path, major):
    path = write_heic(tmp_path / "photo.heic", quarters())
    path.write_bytes(rebranded(path.read_bytes(), major, b"heic"))
    check_corners(read_image(path)[None], 25)


def test_a_film_of_pictures_is_a_picture(tmp_path):
    path = tmp_path / "photo.avif"
    frames = [Image.fromarray(quarters()), Image.fromarray(np.zeros((96, 160, 3), np.uint8))]
    frames[0].save(path, save_all=True, append_images=frames[1:], quality=95)
    check_corners(read_image(path)[None], 25)


def test_a_kind_of_picture_without_a_decoder_is_not_called_damaged(tmp_path, monkeypatch):
    path = tmp_path / "photo.avif"
    Image.fromarray(quarters()).save(path)
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    with pytest.raises(MediaError, match=r"photo\.avif: an AVIF picture .* cannot be decoded here"):
        read_image(path)


@pytest.mark.parametrize("name", ["clip.mp4", "photo.heic"])
def test_a_picture_in_place_of_a_video_is_called_by_its_name(tmp_path, name):
    path = write_heic(tmp_path / name, quarters())
    with pytest.raises(MediaError, match="it is a HEIC picture"):
        read_video(path)


def jpeg(flag: int) -> bytes:
    picture, exif = flagged(flag)
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=95, exif=exif)
    return made.getvalue()


@pytest.mark.parametrize("name", ["film.mjpg", "film.mjpeg", "film.mp4", "film"])
@pytest.mark.parametrize("count", [1, 12])
def test_bare_jpegs_are_a_film(tmp_path, name, count):
    path = tmp_path / name
    path.write_bytes(jpeg(1) * count)
    found = read_video(path)
    assert len(found.frames) == min(count, 8) and found.wave_reason == "no_audio"
    check_corners(found.frames, 25)


@pytest.mark.parametrize("flag", TURNED)
def test_frames_with_exif_are_read_and_upright(tmp_path, flag):
    """PyAV has no name for EXIF beside the matrix, and would give neither."""
    path = tmp_path / "film.mjpeg"
    path.write_bytes(jpeg(flag) * 3)
    found = read_video(path)
    assert found.frames.shape == (3, 96, 160, 3)
    check_corners(found.frames, 25)


def test_a_film_with_sound_is_no_picture(tmp_path):
    path = write_media(tmp_path / "clip.mp4", np.stack([quarters()] * 5), tone(1.0))
    with pytest.raises(MediaError, match="not a picture"):
        read_image(path)
    assert cv2.imread(str(path)) is None
