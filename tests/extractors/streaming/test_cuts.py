import cv2
import numpy as np
import pytest

from mraf.extractors.streaming.cuts import CutFinder

RANDOM = np.random.default_rng(0)
SIZE = (90, 160)


def scene(seed: int) -> np.ndarray:
    """Shades as of a picture: large ones, and finer ones that are weaker."""
    random = np.random.default_rng(seed)
    found = np.zeros(SIZE)
    for cells, strength in ((3, 60), (8, 30), (24, 12)):
        coarse = random.normal(0, strength, (cells, 2 * cells))
        found += cv2.resize(coarse, SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return found + 120


def filmed(*scenes: np.ndarray) -> np.ndarray:
    """Pictures `[T, H, W]` of scenes, with the noise of a camera."""
    return np.clip(np.stack(scenes) + RANDOM.normal(0, 4, (len(scenes), *SIZE)), 0, 255).astype(
        np.uint8
    )


def cuts_of(pictures: np.ndarray, shown: np.ndarray | None = None, first: int = 0) -> list[int]:
    """The cuts in pictures that come in slices of 20 ticks."""
    shown = np.arange(len(pictures)) if shown is None else shown
    finder, found = CutFinder(), []
    for start in range(0, len(shown), 20):
        finder.add(pictures, shown[start : start + 20], first + start)
        found += finder.take()[0]
    return found + finder.take(last=True)[0]


ANN, BEN, EVE = (scene(seed) for seed in range(3))


@pytest.mark.parametrize("at", [1, 2, 19, 20, 21, 33, 58, 59])
def test_a_cut_is_found_at_its_tick(at):
    assert cuts_of(filmed(*[ANN] * at, *[BEN] * (60 - at)), first=1500) == [1500 + at]


def test_there_and_back_again():
    assert cuts_of(filmed(*[ANN] * 30, *[BEN] * 30, *[ANN] * 30, *[EVE] * 30)) == [30, 60, 90]


def test_nothing_is_a_cut_in_one_shot():
    assert cuts_of(filmed(*[ANN] * 60)) == [] == cuts_of(filmed(ANN)) == cuts_of(filmed(ANN)[:0])


@pytest.mark.parametrize("ticks", [1, 2, 4])
def test_a_flash_is_no_cut(ticks):
    lit = [ANN + 120] * ticks
    assert cuts_of(filmed(*[ANN] * 30, *lit, *[ANN] * 30)) == []


def test_a_cut_beside_a_flash_is_one_cut():
    assert len(cuts_of(filmed(*[ANN] * 30, ANN + 130, *[BEN] * 30))) >= 1


@pytest.mark.parametrize("ticks", [15, 40])
def test_fades_are_no_cuts(ticks):
    out = [ANN * (1 - k / ticks) for k in range(ticks)]
    across = [ANN * (1 - k / ticks) + BEN * k / ticks for k in range(ticks)]
    assert cuts_of(filmed(*[ANN] * 20, *out, *out[::-1], *[ANN] * 20)) == []
    assert cuts_of(filmed(*[ANN] * 20, *across, *[BEN] * 20)) == []


def test_a_moving_camera_is_no_cut():
    wide = np.hstack([ANN, BEN, EVE, ANN])
    for speed in (2, 5, 9):
        moved = [wide[:, k * speed : k * speed + SIZE[1]] for k in range(45)]
        still = [moved[0]] * 20, [moved[-1]] * 20
        assert cuts_of(filmed(*still[0], *moved, *still[1])) == []


def test_pictures_that_come_seldom_are_no_cuts_but_where_there_is_one():
    pictures = filmed(*[ANN] * 12, *[BEN] * 12)
    assert cuts_of(pictures, np.repeat(np.arange(24), 3)) == [36]


def test_ticks_without_a_picture_are_passed_over():
    shown = np.concatenate([np.full(7, -1), np.arange(20), np.full(30, -1), np.arange(20, 40)])
    assert cuts_of(filmed(*[ANN] * 40), shown) == []
    assert cuts_of(filmed(*[ANN] * 20, *[BEN] * 20), shown) == [57]
    assert cuts_of(filmed(ANN), np.full(60, -1)) == []


def test_a_change_is_told_only_when_it_is_known_what_follows():
    finder, pictures = CutFinder(), filmed(*[ANN] * 15, *[BEN] * 25)
    finder.add(pictures, np.arange(20), 0)
    assert finder.take() == ([], 10)
    finder.add(pictures, np.arange(20, 40), 20)
    assert finder.take() == ([15], 30)
    assert finder.take(last=True) == ([], 40)


def halves_of(pictures: np.ndarray, border: int) -> list[int]:
    """The cuts in pictures of two parts, of which each has a finder."""
    one, shown = CutFinder(), np.arange(len(pictures))
    one.add(pictures, shown[:border], 0)
    found = one.take(last=True)[0]
    other = CutFinder(one.last_pictures())
    other.add(pictures, shown[border:], border)
    return found + other.take(last=True)[0]


@pytest.mark.parametrize("at", [49, 50, 51])
def test_a_cut_at_the_border_of_two_parts_is_found(at):
    assert halves_of(filmed(*[ANN] * at, *[BEN] * (100 - at)), 50) == [at]


def test_a_shot_that_goes_over_a_border_is_one():
    assert halves_of(filmed(*[ANN] * 100), 50) == []
    assert CutFinder().last_pictures() is None


def test_a_flash_is_none_wherever_slices_begin():
    lit = [ANN + 120] * 9
    for before in range(20, 40):
        assert cuts_of(filmed(*[ANN] * before, *lit, *[ANN] * 30)) == []


def test_a_picture_that_stays_is_no_change_where_a_slice_begins():
    """At two pictures a second every second slice would bring one more change, of nothing."""
    shown = np.repeat(np.arange(8), 12)
    finder, pictures = CutFinder(), filmed(*[ANN] * 4, *[BEN] * 4)
    for start in range(0, len(shown), 8):
        finder.add(pictures, shown[start : start + 8], start)
    assert len(finder._thumbs) == 8


def test_memory_does_not_grow():
    finder, pictures = CutFinder(), filmed(*[ANN] * 50)
    for start in range(0, 5_000, 50):
        finder.add(pictures, np.arange(50), start)
        finder.take()
    assert len(finder._thumbs) < 50
