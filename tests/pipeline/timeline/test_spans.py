import pytest

from mraf.pipeline.timeline.spans import length_of, overlaps, union


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
