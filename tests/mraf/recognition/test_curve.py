"""Rates of open-set identification: against a count by hand, and at the ends."""

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.recognition.curve import curve, known_rates, per_speaker, stranger_rates

KNOWN = np.array([0.9, 0.8, 0.7, 0.3, 0.95])
RIGHT = np.array([True, True, False, True, True])
STRANGERS = np.array([0.85, 0.2, 0.1, 0.5])


def test_rates_are_those_counted_by_hand():
    found = curve(KNOWN, RIGHT, STRANGERS)
    assert found.false_alarm.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert found.identified == pytest.approx([0.4, 0.6, 0.8, 0.8, 0.8])
    assert found.threshold.tolist() == [0.85, 0.5, 0.2, 0.1, -np.inf]


def test_a_rate_is_that_of_at_most_so_many_strangers():
    found = curve(KNOWN, RIGHT, STRANGERS)
    assert [found.at(rate) for rate in (0, 0.24, 0.25, 0.6, 1)] == pytest.approx(
        [0.4, 0.4, 0.6, 0.8, 0.8]
    )
    assert found.sampled((0.24,)).threshold.tolist() == [0.85]
    few = found.sampled((0.0, 0.3, 1.0))
    assert few.identified == pytest.approx([0.4, 0.6, 0.8])
    assert few.false_alarm.tolist() == [0.0, 0.3, 1.0]


def test_every_point_agrees_with_a_plain_count():
    random = np.random.default_rng(1)
    # Few different scores, so that many are equal.
    known, strangers = random.integers(0, 9, 200) / 9, random.integers(0, 7, 300) / 9
    right = random.random(200) < 0.8
    found = curve(known, right, strangers)
    for far, identified, threshold in zip(
        found.false_alarm, found.identified, found.threshold, strict=True
    ):
        assert far == pytest.approx((strangers > threshold).mean())
        assert identified == pytest.approx(((known > threshold) & right).mean())
    assert (np.diff(found.false_alarm) > 0).all() and (np.diff(found.identified) >= 0).all()


def test_shares_of_a_hundred_are_not_missed_by_rounding():
    strangers = np.arange(100) / 100
    found = curve(strangers, np.ones(100, bool), strangers)
    for hundredth in range(101):
        assert found.at(hundredth / 100) == pytest.approx(hundredth / 100)


def test_a_clip_without_a_score_is_never_accepted():
    found = curve([np.nan, 0.9], [True, True], [np.nan, 0.5])
    assert found.false_alarm.tolist() == [0, 0.5]
    assert found.at(1.0) == 0.5


def test_weights_make_speakers_count_the_same():
    weight = per_speaker(["a", "a", "a", "b"])
    assert weight == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    found = curve(KNOWN, RIGHT, STRANGERS, stranger_weight=weight)
    assert found.false_alarm == pytest.approx([0, 1 / 6, 2 / 3, 5 / 6, 1])
    by_clip = curve(KNOWN, RIGHT, STRANGERS, known_weight=[0, 0, 1, 0, 1])
    assert by_clip.identified.tolist() == pytest.approx([0.5] * 5)


def test_rates_at_a_threshold_sum_to_one():
    found = known_rates(KNOWN >= 0.75, RIGHT, [0, 0, 1, 1, 2])
    assert found is not None
    assert (found.right, found.wrong, found.unknown) == pytest.approx((0.6, 0.0, 0.4))
    assert (found.clips, found.speakers) == (5, 3)
    lower = known_rates(KNOWN >= 0.0, RIGHT)
    assert lower is not None and lower.wrong == pytest.approx(0.2) and lower.speakers == 0
    strange = stranger_rates(STRANGERS >= 0.5, ["x", "x", "y", "y"])
    assert strange is not None
    assert (strange.named, strange.clips, strange.speakers) == (0.5, 4, 2)
    assert known_rates([], []) is None and stranger_rates([]) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], [], [0.1]), "known people and of strangers"),
        (([0.1], [True], []), "known people and of strangers"),
        (([0.1], [True, False], [0.1]), "1 scores of known people and 2 answers"),
    ],
)
def test_what_makes_no_curve_is_told(arguments, message):
    with pytest.raises(UsageError, match=message):
        curve(*arguments)
    with pytest.raises(UsageError, match="from 0 to 1, not 1.5"):
        curve(KNOWN, RIGHT, STRANGERS).at(1.5)
    with pytest.raises(UsageError, match="4 scores and 2 weights"):
        curve(KNOWN, RIGHT, STRANGERS, stranger_weight=[1, 1])
