import numpy as np
import pytest

from mraf.extractors.speaking.step import UNKNOWN, best_shift

RANDOM = np.random.default_rng(0)
DIRECTION = RANDOM.normal(0, 1, 128)


def spoken(ticks: int, late: float = 0.0, *, agrees: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Lips that rise with the loudness of their sound, which comes late by some seconds; and much else."""
    frames = 4 * ticks + 400
    loud = np.convolve(RANDOM.normal(0, 1, frames), np.hanning(30), "same")
    other = np.convolve(RANDOM.normal(0, 1, frames), np.hanning(30), "same")
    seen = (loud if agrees else other)[200 : 200 + 4 * ticks].reshape(ticks, 4).mean(axis=1)
    lips = seen[:, None] * DIRECTION * 0.3 + RANDOM.normal(0, 1, (ticks, 128))
    mfcc = RANDOM.normal(0, 1, (4 * ticks, 13))
    mfcc[:, 0] = loud[200 - round(late * 100) :][: 4 * ticks]
    return lips.astype(np.float16), mfcc.astype(np.float32)


@pytest.mark.parametrize("late", [-0.3, -0.12, 0.0, 0.04, 0.2, 0.3])
def test_the_shift_is_found(late):
    found = best_shift([spoken(300, late) for _ in range(5)])
    assert found.seconds == pytest.approx(late, abs=0.04) and found.confidence > 0.3


def test_nothing_is_said_of_little():
    assert best_shift([]) == UNKNOWN == best_shift([spoken(300)])
    assert best_shift([spoken(10) for _ in range(100)]) == UNKNOWN


def test_nothing_is_said_where_lips_and_sound_have_nothing_to_do_with_each_other():
    assert best_shift([spoken(300, agrees=False) for _ in range(5)]) == UNKNOWN
    silent = [(lips, np.zeros_like(mfcc)) for lips, mfcc in [spoken(300)] * 5]
    assert best_shift(silent) == UNKNOWN
    still = [(np.zeros_like(lips), mfcc) for lips, mfcc in [spoken(300)] * 5]
    assert best_shift(still) == UNKNOWN


def test_ticks_that_were_not_looked_at_and_sound_that_ends_early_do_not_count():
    pairs = [spoken(400, 0.2) for _ in range(5)]
    for lips, _ in pairs:
        lips[100:150] = np.nan
    pairs = [(lips, mfcc[:1500]) for lips, mfcc in pairs]
    assert best_shift(pairs).seconds == pytest.approx(0.2, abs=0.04)
