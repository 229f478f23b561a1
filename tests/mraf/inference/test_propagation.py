import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.inference.propagation import (
    BLOCK,
    MAX_STEPS,
    PropagateOptions,
    SettingClips,
    _neighbours,
    propagate_cross,
    propagate_setting,
)

SPEAKERS = 8


def groups(each=20, dim=16, noise=0.15, seed=0):
    """Labels [N] and unit vectors [N, D], in a tight group for each speaker."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(SPEAKERS), each)
    vectors = random.normal(size=(SPEAKERS, dim))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[label] + noise * random.normal(size=(len(label), dim))
    return label, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def answers(label, wrong=0.3, sure=0.6, seed=1):
    """Probabilities [N, C] that name the speaker, except for a share that names another."""
    random = np.random.default_rng(seed)
    slip = random.random(len(label)) < wrong
    named = np.where(slip, (label + random.integers(1, SPEAKERS, len(label))) % SPEAKERS, label)
    probability = np.full((len(label), SPEAKERS), (1 - sure) / (SPEAKERS - 1), np.float32)
    probability[np.arange(len(label)), named] = sure
    return probability


def setting_clips(probability, voice):
    """Clips that all have a voice, and no face."""
    present = np.ones(len(voice), np.bool_)
    return SettingClips(probability=probability, voice=voice, voice_present=present)


def voices(wrong=0.3, **kinds):
    label, voice = groups(**kinds)
    return label, setting_clips(answers(label, wrong), voice)


def complete_clips(wrong=0.3, **kinds):
    label, clips = voices(wrong, **kinds)
    face = groups(dim=12, seed=5, **kinds)[1]
    return label, replace(clips, face=face, face_present=np.ones(len(label), np.bool_))


def accuracy(probability, label):
    return float((probability.argmax(axis=1) == label).mean())


def test_neighbours_repair_errors():
    label, clips = voices()
    assert accuracy(clips.probability, label) < 0.8
    assert accuracy(propagate_setting(clips), label) == 1.0


def test_without_groups_nothing_is_repaired():
    label, clips = voices()
    mixed = replace(clips, voice=clips.voice[np.random.default_rng(3).permutation(len(label))])
    assert accuracy(propagate_setting(mixed), label) < 0.9


def test_without_alpha_and_balance_answers_stay():
    _, clips = voices()
    stays = PropagateOptions(alpha=0.0, balance=0.0)
    assert np.allclose(propagate_setting(clips, stays), clips.probability, atol=1e-6)
    assert not np.allclose(propagate_setting(clips), clips.probability, atol=1e-2)


def test_the_solution_is_that_of_zhou_and_others():
    label, clips = voices(each=4)
    options = PropagateOptions(
        neighbours=3, balance=0.0, sharpness=1.0, degree_floor=0.0, centre=False, power=1.0
    )
    cosine = clips.voice @ clips.voice.T
    np.fill_diagonal(cosine, -2)
    edges = np.where(cosine >= np.sort(cosine, axis=1)[:, -3:-2], np.maximum(cosine, 0), 0)
    edges = np.maximum(edges, edges.T)
    degree = edges.sum(axis=1)
    graph = edges / np.sqrt(degree[:, None] * degree)
    solution = np.linalg.solve(np.eye(len(label)) - 0.95 * graph, 0.05 * clips.probability)
    expected = solution / solution.sum(axis=1, keepdims=True)
    assert np.allclose(propagate_setting(clips, options), expected, atol=1e-4)


def test_order_does_not_matter():
    label, complete = complete_clips(noise=0.6)
    voice_only = replace(complete, face=None, face_present=None)
    order = np.random.default_rng(2).permutation(len(label))
    for clips in (complete, voice_only):
        shuffled = propagate_setting(clips.take(order))
        assert np.allclose(shuffled, propagate_setting(clips)[order], atol=1e-4)
    straight = propagate_cross(complete, voice_only)
    shuffled = propagate_cross(complete.take(order), voice_only.take(order))
    for one, other in zip(straight, shuffled, strict=True):
        assert np.allclose(other, one[order], atol=1e-4)


def test_the_same_twice_gives_the_same():
    _, clips = complete_clips()
    assert np.array_equal(propagate_setting(clips), propagate_setting(clips))


def test_answers_are_probabilities_and_inputs_are_left_alone():
    _, clips = complete_clips()
    before = clips.probability.copy(), clips.voice.copy()
    refined = propagate_setting(clips)
    assert refined.shape == clips.probability.shape and refined.dtype == np.float32
    assert (refined >= 0).all() and np.allclose(refined.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(before[0], clips.probability)
    assert np.array_equal(before[1], clips.voice)


def test_voice_only_never_reads_faces():
    label, clips = voices(noise=0.6)
    spoiled = replace(
        clips,
        face=np.full((len(label), 12), np.nan, np.float32),
        face_present=np.zeros(len(label), np.bool_),
    )
    assert np.array_equal(propagate_setting(spoiled), propagate_setting(clips))
    with_faces = replace(
        clips, **{k: getattr(complete_clips()[1], k) for k in ("face", "face_present")}
    )
    assert not np.allclose(propagate_setting(with_faces), propagate_setting(clips), atol=1e-3)


def test_a_clip_without_face_is_joined_by_its_voice():
    label, clips = complete_clips()
    part = np.arange(len(label)) % 2 == 0
    face = np.where(part[:, None], np.nan, clips.face).astype(np.float32)
    assert accuracy(propagate_setting(replace(clips, face=face, face_present=~part)), label) == 1.0
    voice = np.where(part[:, None], np.nan, clips.voice).astype(np.float32)
    no_voice = replace(clips, voice=voice, voice_present=~part)
    assert accuracy(propagate_setting(no_voice), label) == 1.0


def test_a_clip_with_neither_keeps_what_it_has():
    _, clips = complete_clips()
    present = clips.voice_present.copy()
    present[[3, 4]] = False
    probability = clips.probability.copy()
    probability[3] = np.nan
    options = PropagateOptions(balance=0.0)
    refined = propagate_setting(
        replace(clips, probability=probability, voice_present=present, face_present=present),
        options,
    )
    assert np.isnan(refined[3]).all()
    assert np.allclose(refined[4], probability[4], atol=1e-5)
    assert np.isfinite(np.delete(refined, 3, axis=0)).all()


def test_a_clip_without_answer_gets_that_of_its_neighbours():
    label, clips = voices()
    probability = clips.probability.copy()
    probability[::5] = np.nan
    assert accuracy(propagate_setting(replace(clips, probability=probability)), label) == 1.0
    silent = replace(clips, probability=np.full_like(probability, np.nan))
    assert np.isnan(propagate_setting(silent)).all()


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_clips(count):
    _, clips = complete_clips()
    few = clips.take(np.arange(count) * 25)
    refined = propagate_setting(few)
    assert refined.shape == (count, SPEAKERS) and np.isfinite(refined).all()
    voices = replace(few, face=None, face_present=None)
    assert [len(x) for x in propagate_cross(few, voices)] == [count, count]


def test_a_clip_alone_keeps_its_answer():
    _, clips = complete_clips()
    alone = clips.take(np.array([7]))
    assert np.allclose(propagate_setting(alone), alone.probability, atol=1e-6)


def test_clips_without_near_neighbours_keep_their_answers():
    random = np.random.default_rng(0)
    voice = random.normal(size=(SPEAKERS, 64)).astype(np.float32)
    clips = setting_clips(answers(np.arange(SPEAKERS), wrong=0.0), voice)
    assert accuracy(propagate_setting(clips), np.arange(SPEAKERS)) == 1.0
    assert np.allclose(propagate_setting(clips), clips.probability, atol=0.1)
    eager = PropagateOptions(degree_floor=0.0, centre=False)
    assert not np.allclose(propagate_setting(clips, eager), clips.probability, atol=0.1)


def test_what_all_clips_share_is_taken_out():
    label, clips = voices(each=15)
    shared = clips.voice.copy()
    shared[:, 0] += 3
    off = replace(clips, voice=shared)
    wide = PropagateOptions(neighbours=30)
    as_is = replace(wide, centre=False)
    assert accuracy(propagate_setting(off, wide), label) > 0.95
    assert accuracy(propagate_setting(off, as_is), label) < 0.9
    assert accuracy(propagate_setting(clips, as_is), label) > 0.95


def test_one_speaker_alone_is_not_balanced_away():
    label, clips = voices(each=100, wrong=0.2)
    alone = clips.take(np.flatnonzero(label == 3))
    assert accuracy(alone.probability, 3) < 0.9
    assert accuracy(propagate_setting(alone), 3) > 0.95
    harsh = PropagateOptions(balance=3.0)
    assert accuracy(propagate_setting(alone, harsh), 3) < 0.5


def test_a_speaker_taken_for_another_is_found():
    label, voice = groups(each=40)
    probability = answers(label, wrong=0.0, sure=0.9)
    probability[label == 5] = 0.02
    probability[np.ix_(label == 5, [4, 5])] = 0.48, 0.40
    clips = setting_clips(probability, voice)
    assert accuracy(propagate_setting(clips, PropagateOptions(balance=0.0)), label) < 0.9
    assert accuracy(propagate_setting(clips), label) == 1.0


def test_twins_count_once_and_agree():
    label, clips = voices(noise=0.6)
    index = np.concatenate([np.arange(len(label)), np.zeros(50, np.int64)])
    refined = propagate_setting(clips.take(index))
    assert np.allclose(refined[: len(label)], propagate_setting(clips), atol=1e-4)
    assert (refined[len(label) :] == refined[0]).all()


def test_what_is_missing_does_not_tell_twins_apart():
    label, clips = voices(noise=0.6)
    index = np.concatenate([np.arange(len(label)), np.zeros(50, np.int64)])
    twins = clips.take(index)
    noise = np.random.default_rng(0).normal(size=(len(index), 12)).astype(np.float32)
    unseen = replace(twins, face=noise, face_present=np.zeros(len(index), np.bool_))
    assert np.array_equal(propagate_setting(unseen), propagate_setting(twins))


@pytest.mark.parametrize(
    ("make", "own", "other"),
    [(voices, "alpha", "alpha_with_faces"), (complete_clips, "alpha_with_faces", "alpha")],
)
def test_sets_with_faces_have_an_alpha_of_their_own(make, own, other):
    _, clips = make()
    default = propagate_setting(clips)
    assert np.array_equal(propagate_setting(clips, PropagateOptions(**{other: 0.1})), default)
    changed = propagate_setting(clips, PropagateOptions(**{own: 0.1}))
    assert not np.allclose(changed, default, atol=1e-2)


def test_faces_help_voices_only_across():
    label, complete = complete_clips(wrong=0.0)
    # Random voices, which are near no other voice of their speaker.
    voice = np.random.default_rng(4).normal(size=complete.voice.shape).astype(np.float32)
    complete = replace(complete, voice=voice)
    flat = np.full_like(complete.probability, 1 / SPEAKERS)
    voice_only = setting_clips(flat, voice)
    assert accuracy(propagate_setting(voice_only), label) < 0.4
    first, second = propagate_cross(complete, voice_only)
    assert accuracy(second, label) > 0.95
    assert np.allclose(first, propagate_setting(complete), atol=1e-5)


def test_across_voices_repair_the_own_answer():
    label, complete = complete_clips(wrong=0.2)
    voice_only = replace(
        complete, probability=answers(label, 0.4, seed=8), face=None, face_present=None
    )
    assert accuracy(propagate_cross(complete, voice_only)[1], label) == 1.0


def test_across_a_missing_voice_gets_the_complete_answer():
    label, complete = complete_clips()
    present = np.ones(len(label), np.bool_)
    present[6] = False
    probability = complete.probability.copy()
    probability[6] = np.nan
    voice_only = replace(setting_clips(probability, complete.voice), voice_present=present)
    first, second = propagate_cross(replace(complete, voice_present=present), voice_only)
    assert np.allclose(second[6], first[6], atol=1e-5)
    assert second[6].argmax() == label[6]


def test_across_refuses_what_does_not_fit():
    _, complete = complete_clips()
    voice_only = replace(complete, face=None, face_present=None)
    with pytest.raises(UsageError, match="only the complete clips may"):
        propagate_cross(complete, complete)
    with pytest.raises(UsageError, match=r"shape \[160, 8\] and the voices \[159, 8\]"):
        propagate_cross(complete, voice_only.take(np.arange(159)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("neighbours", 0),
        ("neighbours", 2.5),
        ("power", 0.0),
        ("degree_floor", -1.0),
        ("alpha", 1.0),
        ("alpha_with_faces", -0.1),
        ("alpha_cross", float("nan")),
        ("complete_share", 1.1),
        ("sharpness", 0.0),
        ("balance", float("inf")),
        ("balance_clips", 0.0),
    ],
)
def test_options_out_of_range_are_refused(name, value):
    with pytest.raises(UsageError, match=f"{name} is"):
        PropagateOptions(**{name: value})


@pytest.mark.parametrize("change", [{"sharpness": 0.005}, {"sharpness": 50.0}, {"neighbours": 999}])
def test_extreme_options_still_give_answers(change):
    label, clips = voices(wrong=0.1)
    refined = propagate_setting(clips, PropagateOptions(**change))
    assert np.isfinite(refined).all() and accuracy(refined, label) > 0.8


def test_neighbours_are_the_nearest_whatever_the_block(monkeypatch):
    _, unit = groups(noise=0.6)
    whole = np.sort(_neighbours(unit, 5)[0], axis=1)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -2)
    assert np.array_equal(whole, np.sort(np.argsort(-cosine, axis=1)[:, :5], axis=1))
    monkeypatch.setattr("mraf.inference.propagation.BLOCK", 7 * len(unit))
    assert np.array_equal(np.sort(_neighbours(unit, 5)[0], axis=1), whole)


def test_cosines_of_many_clips_are_held_in_blocks(monkeypatch):
    label, clips = voices(each=500, dim=64)
    sizes = []
    real = np.argpartition

    def partition(block, *arguments, **options):
        sizes.append(block.size)
        return real(block, *arguments, **options)

    monkeypatch.setattr(np, "argpartition", partition)
    assert accuracy(propagate_setting(clips), label) > 0.999
    assert sum(sizes) == len(label) ** 2 and max(sizes) <= BLOCK and len(sizes) > 1


def test_propagation_converges_long_before_the_last_step(monkeypatch):
    _, clips = complete_clips(noise=0.6)
    refined = propagate_setting(clips)
    monkeypatch.setattr("mraf.inference.propagation.MAX_STEPS", MAX_STEPS // 2)
    assert np.array_equal(propagate_setting(clips), refined)


def test_torch_is_not_imported():
    code = "import sys, mraf.inference.propagation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
