"""Names as small pictures: in a font that comes with the packages, right to left where they are written so."""

from functools import lru_cache
from pathlib import Path
from typing import Any
from unicodedata import bidirectional, category, normalize

import numpy as np

_MANY = 400  # fonts of the machine that are looked at for rare letters
# The height of a line and the place of its base line, of the letters' height: the same in every font.
_LINE, _BASE = 1.6, 1.1


def drawable(names: list[str]) -> dict[str, str]:
    """Return what to write for each name: the name, or `person 3` where no font has its letters."""
    texts = {}
    for number, name in enumerate(names, 1):
        line = _one_line(name)
        texts[name] = line if line and font_for(line) is not None else f"person {number}"
    return texts


@lru_cache(maxsize=4096)
def lettering(text: str, height: int, most: int, colour: str) -> np.ndarray:
    """Return a line of text as `[H, W, 4]` uint8 RGBA, W at most `most`: longer text ends in dots.

    H is the same for all texts of a height.

    Args:
        text: what to write; its letters are in `font_for(text)`.
        height: of the letters in pixels.
        most: width in pixels.
        colour: of the letters, as `#RRGGBB`.
    """
    from PIL import Image, ImageDraw

    font = _opened(str(font_for(text) or _latin()), height)
    line = _in_order(text)
    while font.getlength(line) > most and len(text) > 1:
        text = text[:-1].rstrip("… ")
        line = _in_order(f"{text}…")
    size = (max(1, min(most, round(font.getlength(line)))), round(height * _LINE))
    image = Image.new("RGBA", size, f"{colour}00")
    at = (0, round(height * _BASE))
    ImageDraw.Draw(image).text(at, line, font=font, fill=colour, anchor="ls")
    return np.asarray(image)


@lru_cache(maxsize=4096)
def font_for(text: str) -> Path | None:
    """Return a font that has the letters of a text: of the packages or else of the machine; or None."""
    letters = {ord(letter) for letter in _in_order(text) if not letter.isspace()}
    is_arabic = any(bidirectional(letter) == "AL" for letter in text)
    for find in (_arabic, _latin) if is_arabic else (_latin, _arabic):
        if letters <= _letters(find()):
            return find()
    from matplotlib.font_manager import findSystemFonts

    for name in sorted(findSystemFonts())[:_MANY]:
        if letters <= _letters(Path(name)) and _is_outline(name):
            return Path(name)
    return None


def _one_line(name: str) -> str:
    return normalize("NFC", " ".join(name.split()))


def _is_outline(file: str) -> bool:
    """Return False for fonts of small pictures, such as emoji, which come in one size."""
    try:
        _opened(file, 24)
    except OSError:
        return False
    return True


def _in_order(text: str) -> str:
    """Return text in the order in which it is drawn from left to right, Arabic letters in their joined forms."""
    if not any(bidirectional(letter) in ("R", "AL") for letter in text):
        return _visible(text)
    from arabic_reshaper import reshape
    from bidi.algorithm import get_display

    return _visible(get_display(reshape(text)))


def _visible(text: str) -> str:
    """Return text without marks of joining and direction, which have no shape."""
    return "".join(letter for letter in text if category(letter) != "Cf")


def _latin() -> Path:
    import matplotlib as mpl

    return Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"


def _arabic() -> Path:
    import fontpkg_noto_sans_arabic as font

    return next((font.ROOT / "files").glob("*.ttf"))


@lru_cache(maxsize=_MANY + 2)
def _letters(file: Path) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(str(file)).get_charmap())
    except (OSError, RuntimeError):  # not a font that can be read
        return frozenset()


@lru_cache(maxsize=16)
def _opened(file: str, height: int) -> Any:
    from PIL import ImageFont

    # The same with and without the system's libraries of complex layout.
    return ImageFont.truetype(file, height, layout_engine=ImageFont.Layout.BASIC)
