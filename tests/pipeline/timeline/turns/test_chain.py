import numpy as np
import pytest

from mraf.pipeline.timeline.turns import chain as chain_module
from mraf.pipeline.timeline.turns.chain import Chain
from tests.helpers.made_sound import DIM, voice_of


def chain(names: list[str], seconds: float = 1.5, switch: float = 0.1) -> Chain:
    rng = np.random.default_rng(0)
    chance = rng.normal(size=(len(names), DIM)) * np.sqrt(1.25 / seconds / DIM)
    voices = np.array([voice_of(name) for name in names]) + chance
    return Chain(
        voices=voices,
        precision=np.full(len(names), seconds / 1.25),
        switch=np.full(len(names), switch),
        seconds=len(names) * seconds / 2,
    )


def guess(groups: list[int], count: int) -> np.ndarray:
    return np.eye(count)[groups] * 0.9 + 0.1 / count


def test_voices_that_add_nothing_are_given_up():
    names = ["ann"] * 20 + ["bob"] * 20
    split = [0] * 10 + [1] * 10 + [2] * 14 + [3] * 6
    shares = chain(names).shares(guess(split, 4))
    found = shares.argmax(axis=1)
    assert len(set(found[:20])) == len(set(found[20:])) == 1 and found[0] != found[-1]
    assert shares.sum(axis=1) == pytest.approx(np.ones(40))


def test_no_voice_is_given_up_that_has_to_be_kept():
    names = ["ann"] * 6 + ["bob"] * 6
    shares = chain(names).shares(guess([0] * 6 + [1] * 6, 2), keep=True)
    assert shares.argmax(axis=1).tolist() == [0] * 6 + [1] * 6


def test_a_span_without_a_vector_goes_with_its_neighbours():
    made = chain(["ann"] * 5 + ["bob"] * 5, switch=0.05)
    made.precision[2] = made.precision[7] = 0
    shares = made.shares(guess([0] * 5 + [1] * 5, 2))
    assert shares.argmax(axis=1).tolist() == [0] * 5 + [1] * 5


def test_a_chain_in_pieces_says_what_a_chain_in_one_says(monkeypatch):
    names = (["ann"] * 9 + ["bob"] * 7 + ["cem"] * 3) * 40
    made = chain(names, switch=0.05)
    made.precision[100:120] = 0  # nothing is known of these: the word goes on far
    start = guess([{"ann": 0, "bob": 1, "cem": 2}[name] for name in names], 3)
    in_pieces = made.shares(start)
    monkeypatch.setattr(chain_module, "PIECE", len(names))
    assert in_pieces == pytest.approx(made.shares(start), abs=1e-3)


def test_an_hour_of_spans_stays_finite():
    names = (["ann"] * 7 + ["bob"] * 5) * 400
    shares = chain(names).shares(guess([0] * 7 * 400 + [1] * 5 * 400, 2))
    assert np.isfinite(shares).all()
