import numpy as np
import pytest

from mraf.pipeline.timeline.outputs.annotated.lettering import (
    _in_order,
    drawable,
    font_for,
    lettering,
)
from tests.helpers.timelines import URDU


def ink(text: str, **more) -> np.ndarray:
    """Rows and columns that have ink, `[H, W]` bool."""
    options = {"height": 24, "most": 1000, "colour": "#FFFFFF"} | more
    return lettering(text, **options)[..., 3] > 128


@pytest.mark.parametrize("text", ["Ann", URDU, "ٹڈڑں گھڑے ہے", "Łukasz Ωmega Жук", "Ann عائشہ"])
def test_letters_are_drawn_by_a_font_of_the_packages(text):
    assert "site-packages" in str(font_for(text))
    shown = ink(text)
    assert shown.any() and shown.shape[1] > 20


def test_a_line_is_as_high_in_every_font():
    assert {ink(text).shape[0] for text in ("Ann", URDU, "g", "É")} == {round(24 * 1.6)}


def test_nothing_is_cut_off():
    for text in ("Ågj", URDU, "ٹے"):
        shown = ink(text)
        assert not shown[0].any() and not shown[-1].any(), text


def test_urdu_is_joined_and_goes_from_right_to_left():
    columns = np.flatnonzero(ink("سبسہ").any(axis=0))
    assert (np.diff(columns) == 1).all()  # no gap between letters
    first, last = _in_order("اب")[-1], _in_order("اب")[0]
    assert (first, last) == ("\ufe8d", "\ufe8f")  # alef, which joins nothing, at the right
    assert _in_order("Ann") == "Ann"
    assert _in_order("ا (2)") == "(2) \ufe8d"


def test_a_long_name_ends_in_dots():
    assert ink("A very long name indeed", most=120).shape[1] <= 120
    assert ink("W", most=3).shape[1] <= 3  # even where nothing fits


def test_a_colour():
    shown = lettering("Ann", 24, 1000, "#E69F00")
    assert (shown[shown[..., 3] == 255][:, :3] == (0xE6, 0x9F, 0x00)).all()


def test_letters_that_no_font_has_become_a_number(monkeypatch):
    import matplotlib.font_manager

    monkeypatch.setattr(matplotlib.font_manager, "findSystemFonts", list)
    font_for.cache_clear()
    assert drawable(["Ann", "\U00013000\U00013001", "a\tb", " "]) == {
        "Ann": "Ann",
        "\U00013000\U00013001": "person 2",
        "a\tb": "a b",
        " ": "person 4",
    }
    font_for.cache_clear()


def test_marks_without_a_shape_keep_no_name_from_being_drawn():
    assert "NotoSansArabic" in str(font_for("بی\u200cبی\u200f"))
    assert _in_order("A\u200bnn\ufeff") == "Ann"
    assert "\u200c" not in _in_order("بی\u200cبی")


def test_letters_and_their_accents_are_one():
    assert drawable(["E\u0301mile"]) == {"E\u0301mile": "Émile"}


def test_a_font_of_pictures_is_passed_over(monkeypatch):
    """Such as one of emoji: it has the letters, and cannot be drawn in any size."""
    import matplotlib.font_manager

    from mraf.pipeline.timeline.outputs.annotated import lettering as module

    def refuse(file, height):
        raise OSError("invalid pixel size")

    monkeypatch.setattr(matplotlib.font_manager, "findSystemFonts", lambda: ["emoji.ttf"])
    monkeypatch.setattr(module, "_opened", refuse)
    pictures = frozenset({0x1F9D1})
    monkeypatch.setattr(
        module, "_letters", lambda file: pictures if "emoji" in str(file) else frozenset()
    )
    font_for.cache_clear()
    assert font_for("\U0001f9d1") is None
    font_for.cache_clear()
