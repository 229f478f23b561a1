import numpy as np
import pytest

from mraf.pipeline.timeline.turns.cutting import turns_of
from mraf.pipeline.timeline.turns.moments import run_starts
from mraf.pipeline.timeline.turns.sound import gather
from tests.helpers.made_sound import Turns, parts


def cut(turns: Turns, length: float = 30.0, count: int = 2) -> list[tuple[float, float, int]]:
    """Cut turns whose spans are told right."""
    sound = gather(parts(turns, length))
    assert sound is not None
    names = sorted({name for *_, name in turns})

    def who(middle: float) -> int:
        return next((names.index(n) for a, b, n in turns if a <= middle < b), -1)

    voice = np.array([who(middle) for middle in sound.spans.mean(axis=1)])
    first = run_starts(voice)
    middle = sound.spans.mean(axis=1)
    changes = (middle[first[1:] - 1] + middle[first[1:]]) / 2
    return turns_of(sound, voice, count, changes)


def test_turns_are_where_they_are():
    found = cut([(1.0, 8.0, "ann"), (9.0, 15.0, "bob"), (16.0, 25.0, "ann")])
    assert [voice for *_, voice in found] == [0, 1, 0]
    assert [at for *two, _ in found for at in two] == pytest.approx([1, 8, 9, 15, 16, 25], abs=0.06)


def test_an_overlap_has_both_voices():
    found = cut([(1.0, 10.0, "ann"), (8.0, 16.0, "bob")])
    assert [(round(a), round(b), voice) for a, b, voice in found] == [(1, 10, 0), (8, 16, 1)]


def test_somebody_who_speaks_into_the_speech_of_another():
    found = cut([(1.0, 20.0, "ann"), (8.0, 10.0, "bob"), (22.0, 26.0, "bob")])
    assert (8, 10, 1) in [(round(a), round(b), voice) for a, b, voice in found]
    assert (1, 20, 0) in [(round(a), round(b), voice) for a, b, voice in found]


def test_short_pauses_are_filled_and_crumbs_dropped():
    found = cut([(1.0, 5.0, "ann"), (5.25, 9.0, "ann"), (12.0, 12.15, "bob")])
    assert len(found) == 1 and found[0][:2] == pytest.approx((1, 9), abs=0.06)


def test_a_pause_of_a_third_of_a_second_ends_a_turn():
    found = cut([(1.0, 5.0, "ann"), (5.36, 9.0, "ann")])
    assert [round(stop, 1) for _, stop, _ in found] == [5.0, 9.0]


def test_speech_of_nobody_that_can_be_told():
    sound = gather(parts([(1.0, 5.0, "ann")], 10.0))
    assert sound is not None
    found = turns_of(sound, np.full(len(sound.spans), -1), 0, np.zeros(0))
    assert [voice for *_, voice in found] == [-1]
