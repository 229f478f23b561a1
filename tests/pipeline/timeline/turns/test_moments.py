from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.turns.moments import _likelier, moments, run_starts
from mraf.pipeline.timeline.turns.sound import Sound, gather
from tests.helpers.made_sound import parts, voice_of

NAMES = ["ann", "bob"]
HALF = 1.25


def heard(change: float, pauses: tuple[float, ...] = (), noise: float = 0.9) -> Sound:
    """Ann speaks from 1 s on, then Bob up to 16 s; the windows hear one speaker, who pauses for 0.6 s at times."""
    edges = [1.0, *(at for each in pauses for at in (each, each + 0.6)), 16.0]
    one = gather(parts([(a, b, "one") for a, b in zip(edges[::2], edges[1::2], strict=True)], 20.0))
    assert one is not None
    rng = np.random.default_rng(0)
    start, stop = one.spans.T
    share = np.clip((change - start) / (stop - start), 0, 1)[:, None]
    vectors = share * voice_of("ann") + (1 - share) * voice_of("bob")
    vectors += noise * rng.normal(size=vectors.shape) / np.sqrt(vectors.shape[1])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return replace(one, vectors=vectors.astype(np.float32))


def told(sound: Sound, first_of_bob: int, cuts: tuple[float, ...] = ()) -> float:
    voice = (np.arange(len(sound.spans)) >= first_of_bob).astype(int)
    means = np.array([voice_of(name) for name in NAMES])
    (found,) = moments(sound, voice, means, HALF, np.array(cuts))
    return float(found)


def spans_before(sound: Sound, time: float) -> int:
    return int((sound.spans.mean(axis=1) < time).sum())


@pytest.mark.parametrize("change", [7.9, 8.3, 8.6])
def test_spans_that_sound_like_both_tell_the_moment(change):
    sound = heard(change)
    own = spans_before(sound, change)
    for wrong in (-1, 0, 1):  # the span over the change may have gone to either
        assert told(sound, own + wrong) == pytest.approx(change, abs=0.3)


def test_where_the_picture_cuts_one_gives_way_to_another():
    for change in (7.9, 8.3, 8.6):
        sound = heard(change)
        own = spans_before(sound, change)
        assert told(sound, own, (3.0, change, 12.0)) == change
        near = change + 0.2
        assert told(sound, own, (near,)) == pytest.approx(near, abs=0.01)


def test_a_cut_far_from_it_says_nothing():
    sound = heard(8.3)
    own = spans_before(sound, 8.3)
    assert told(sound, own, (7.0, 9.6)) == pytest.approx(told(sound, own), abs=0.01)


def test_they_change_in_a_pause():
    sound = heard(8.3, pauses=(8.0,))
    assert 7.95 < told(sound, spans_before(sound, 8.3)) < 8.65


def test_and_at_a_cut_after_it_where_the_voices_say_so():
    sound = heard(9.2, pauses=(8.0,), noise=0.3)
    for own in (8.3, 9.2):
        assert told(sound, spans_before(sound, own), (9.2,)) == 9.2


def test_a_cut_in_a_pause_is_no_more_likely_than_a_pause():
    sound = heard(8.3, pauses=(8.0,))
    tried = np.array([6.0, 8.3])
    within, cut = (_likelier(sound, tried, np.array(cuts)) for cuts in ([], [6.0, 8.3]))
    assert not sound.speaks[sound.frames.frame(8.3)] and sound.speaks[sound.frames.frame(6.0)]
    assert cut[1] == within[1] and cut[0] > within[0]


def test_moments_rise_and_nobodys_spans_stay_where_they_are():
    sound = heard(8.3)
    voice = np.zeros(len(sound.spans), int)
    voice[4:6], voice[6:8], voice[9:] = 1, -1, 1
    means = np.array([voice_of(name) for name in NAMES])
    found = moments(sound, voice, means, HALF, np.array([6.0, 8.3]))
    assert len(found) == len(run_starts(voice)) - 1 and (np.diff(found) >= 0).all()
    middle = sound.spans.mean(axis=1)
    assert found[1] == pytest.approx((middle[5] + middle[6]) / 2)


def test_no_spans_and_one_voice_have_no_moments():
    sound = heard(8.3)
    means = np.array([voice_of("ann")])
    voice = np.zeros(len(sound.spans), int)
    assert len(moments(sound, voice, means, HALF, np.zeros(0))) == 0
    assert len(run_starts(np.zeros(0, int))) == 0
