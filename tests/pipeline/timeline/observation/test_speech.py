import numpy as np

from mraf.pipeline.timeline.observation.speech import ticks_with_speech


def windows(*likely):
    """Speech in the windows of 512 samples that begin at some times in s."""

    def probability(wave):
        found = np.zeros(-(-len(wave) // 512))
        for time in likely:
            found[int(time * 16_000 / 512)] = 0.9
        return found

    return probability


def test_speech_reaches_half_a_second_around_it():
    wave = np.zeros(4 * 16_000, np.float32)
    found = ticks_with_speech(windows(2.0), wave, 3.0, 4.0, 6.0)  # a window at 5 s
    assert len(found) == 50
    assert np.flatnonzero(found).tolist() == list(range(13, 38))  # 4.52 to 5.48 s


def test_speech_just_outside_a_slice_counts():
    wave = np.zeros(4 * 16_000, np.float32)
    before = ticks_with_speech(windows(0.8), wave, 3.0, 4.0, 6.0)
    after = ticks_with_speech(windows(3.2), wave, 3.0, 4.0, 6.0)
    assert before[:7].all() and not before[12:].any()
    assert after[-7:].all() and not after[:-12].any()


def test_no_speech_and_no_sound():
    wave = np.zeros(16_000, np.float32)
    assert not ticks_with_speech(windows(), wave, 0.0, 0.0, 1.0).any()
    assert not ticks_with_speech(windows(), wave[:0], 0.0, 0.0, 1.0).any()
