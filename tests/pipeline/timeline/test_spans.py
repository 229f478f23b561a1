import numpy as np
import pytest

from mraf.pipeline.timeline.spans import length_of, overlapping, overlaps, shared, union, within


@pytest.mark.parametrize(
    ("spans", "seconds"), [([], 0), ([(0, 2), (1, 3)], 3), ([(4, 5), (0, 2), (0.5, 1)], 3)]
)
def test_spans_are_counted_once(spans, seconds):
    assert length_of(spans) == seconds


def test_spans_that_touch_are_one():
    assert union([(3, 4), (0, 1), (1, 2), (0.5, 0.7)]) == [(0, 2), (3, 4)]


def test_only_others_overlap():
    assert overlaps([(0, 4), (1, 2), (3, 6)], "ABA") == [1, 1, 0]
    assert overlaps([(3, 6), (0, 4), (1, 2)], "BAC") == [1, 2, 1]


def test_spans_that_overlap_are_found_whatever_their_order():
    rng = np.random.default_rng(0)
    some, others = (
        [(a, a + b) for a, b in zip(rng.uniform(0, 50, 60), rng.exponential(2, 60), strict=True)]
        for _ in range(2)
    )
    expected = {
        (i, k)
        for i, (a, b) in enumerate(some)
        for k, (c, d) in enumerate(others)
        if min(b, d) > max(a, c)
    }
    assert sorted(overlapping(some, others)) == sorted(expected) and len(expected) > 20
    assert list(overlapping([(1.0, 1.0)], [(0.0, 2.0)])) == []


def test_what_two_lists_have_in_common_is_counted_once():
    assert shared([(0, 2), (1, 3), (5, 6)], [(2.5, 5.5)]) == 1.0
    assert shared([(0, 2), (1, 3)], [(0, 3), (1, 2)]) == 3.0
    assert shared([], [(0, 1)]) == 0.0


def test_spans_are_cut():
    assert within([(0, 2), (3, 5), (6, 7)], 1, 6) == [(1, 2), (3, 5)]
