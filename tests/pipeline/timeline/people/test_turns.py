import numpy as np

from mraf.pipeline.timeline.people.turns import overlaps, spoken
from tests.pipeline.timeline.linking.test_evidence import turns


def test_turns_of_one_person_that_touch_are_one():
    made = turns((0, 2, 0), (2.05, 4, 1), (4.5, 5, 0), (4.6, 4.8, 1), (5, 6, 2), (9, 9.5, -1))
    found = spoken(made, np.array([0, 0, 0, 0, 1, -1]))
    assert [(each.start, each.stop, each.person) for each in found] == [
        (0, 4, 0),
        (4.5, 5, 0),
        (5, 6, 1),
    ]
    assert found[0].voice is None and len(found[0].seconds) == 2


def test_turns_of_others_between_do_not_keep_two_apart():
    found = spoken(turns((0, 4, 0), (1, 2, 1), (4, 5, 0)), np.array([0, 1, 0]))
    assert [(each.start, each.stop) for each in found] == [(0, 5), (1, 2)]
    assert overlaps(found) == [1, 1]


def test_what_three_say_at_once_is_counted_once():
    found = spoken(turns((0, 4, 0), (1, 3, 1), (2, 3, 2)), np.arange(3))
    assert overlaps(found) == [2, 2, 1]
