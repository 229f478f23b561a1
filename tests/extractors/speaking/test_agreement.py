import numpy as np
import pytest

from mraf.extractors.speaking.agreement import learn
from tests.extractors.speaking.test_step import DIRECTION, spoken


def test_own_sound_agrees_and_anothers_does_not():
    agreement = learn([spoken(300) for _ in range(5)])
    own = [agreement.of(*spoken(100)) for _ in range(5)]
    others = [agreement.of(*spoken(100, agrees=False)) for _ in range(5)]
    assert min(own) > max(others) and min(own) > 0.5


def test_sound_that_comes_late_agrees_once_it_is_in_step():
    agreement = learn([spoken(300, 0.3) for _ in range(5)], 0.3)
    lips, mfcc = spoken(200, 0.3)
    assert agreement.of(lips, mfcc, 0.3) > agreement.of(lips, mfcc) + 0.1


def test_nothing_is_learned_from_little_and_nothing_said_of_little():
    assert learn([]) is None is learn([spoken(300)])
    agreement = learn([spoken(300) for _ in range(5)])
    lips, mfcc = spoken(50)
    assert np.isnan(agreement.of(lips[:20], mfcc[:80]))
    assert np.isnan(agreement.of(np.full_like(lips, np.nan), mfcc))
    assert np.isnan(agreement.of(lips, np.zeros_like(mfcc)))
    assert np.isnan(agreement.of(lips[:0], mfcc[:0]))


def test_ticks_that_were_not_looked_at_are_left_out():
    agreement = learn([spoken(300) for _ in range(5)])
    lips, mfcc = spoken(100)
    partly = lips.copy()
    partly[60:] = np.nan
    assert agreement.of(partly, mfcc) == pytest.approx(agreement.of(lips[:60], mfcc[:240]))


def test_digital_silence_does_not_outweigh_speech():
    """A pause of zeros, in which everybody's lips rest, made others' sound agree as well."""
    agreement = learn([spoken(300) for _ in range(5)])
    values = []
    for _ in range(40):
        lips, mfcc = spoken(100, agrees=False)
        lips[-5:] = -1.5 * DIRECTION
        mfcc[-20:, 0] = -36
        values.append(agreement.of(lips, mfcc))
    assert abs(np.mean(values)) < 0.22
