import numpy as np
import pytest

from mraf.pipeline.timeline.turns.joining import BLOCK, Groups, joined
from tests.helpers.made_sound import DIM, voice_of


def spans(names: list[str], seconds: float = 1.5, seed: int = 0) -> Groups:
    rng = np.random.default_rng(seed)
    share = seconds / (seconds + 1.25)
    chance = rng.normal(size=(len(names), DIM)) / np.sqrt(DIM)
    voices = np.array([voice_of(name) for name in names])
    vectors = np.sqrt(share) * voices + np.sqrt(1 - share) * chance
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Groups.of(vectors, np.full(len(names), seconds), 1.25)


def same(a: np.ndarray, b: list[str]) -> bool:
    pairs = set(zip(a.tolist(), b, strict=True))
    return len(pairs) == len(set(b)) == len(set(a.tolist()))


@pytest.mark.parametrize("seconds", [0.75, 1.5, 5.0])
def test_the_likeness_of_one_voice_is_1_however_long_its_spans(seconds):
    names = ["ann"] * 20 + ["bob"] * 20
    groups = spans(names, seconds).means(np.repeat([0, 1], 20), 2)
    likeness = spans(names, seconds, seed=1).means(np.repeat([0, 1], 20), 2).likeness(groups)
    assert np.diag(likeness) == pytest.approx([1, 1], abs=0.2)
    assert abs(likeness[0, 1]) < 0.3


def test_spans_alike_are_joined_and_others_are_not():
    names = ["ann", "bob", "ann", "cem", "bob", "ann", "cem"] * 3
    assert same(joined(spans(names), 0.6), names)


def test_the_number_of_groups_may_be_bounded():
    names = ["ann", "bob", "cem", "dan"] * 4
    assert joined(spans(names), 0.6, most=2).max() == 1
    assert joined(spans(names), 0.6, least=6).max() == 5
    assert joined(spans(names), -np.inf, least=4, most=4).max() == 3


def test_many_spans_are_joined_in_blocks(monkeypatch):
    names = [f"person {i // 30 % 5}" for i in range(3 * BLOCK + 17)]
    assert same(joined(spans(names), 0.5), names)


def test_blocks_in_which_nobody_is_like_another_come_to_an_end():
    names = [f"person {i}" for i in range(2 * BLOCK)]
    assert joined(spans(names), 0.9, most=60).max() == 59


@pytest.mark.parametrize("least", [BLOCK - 1, BLOCK, BLOCK + 10])
def test_so_many_that_a_block_is_left_as_it_is_come_to_an_end(least):
    """A block of 240 of which 240 were to be left stayed as it was for ever."""
    names = [f"person {i % 3}" for i in range(2 * BLOCK + 17)]
    assert joined(spans(names), -np.inf, least=least, most=least).max() == least - 1
    assert joined(spans(names), 0.5, least=least).max() == least - 1


def test_more_groups_than_a_block_usually_leaves_may_be_left():
    names = [f"person {i % 100}" for i in range(10 * BLOCK)]
    assert same(joined(spans(names, 5.0), 0.6, most=120), names)


def test_one_and_none():
    assert joined(spans(["ann"]), 0.6).tolist() == [0]
    empty = Groups(sums=np.zeros((0, DIM)), weights=np.zeros(0))
    assert joined(empty, 0.6).tolist() == []


def test_a_group_without_vectors_is_like_nobody_and_no_warning():
    """A voice of spans that are all too short for a vector weighs nothing: 0/0 joined all to one voice."""
    groups = spans(["ann"] * 5 + ["bob"] * 5 + ["cem"] * 5)
    voices = groups.means(np.repeat([0, 1, 2], 5), 4)  # nobody is in the last one
    with np.errstate(all="raise"):
        found = joined(voices, 0.6, most=3)
    assert len(set(found.tolist())) == 3
