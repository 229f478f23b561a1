from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.seen.scoring import Sound, Synchrony, scores_of, with_sound
from mraf.pipeline.timeline.seen.seen import seen_in
from tests.helpers.scenes import PAIRS, Lips, Said, Scene, Shot, dialogue, step_of

TWO = dialogue("AB", 10)
BESIDE = [Shot(start=0, stop=40, seen="AB")]


def scene(**more):
    return Scene(said=TWO, shots=BESIDE, **more)


def test_lips_are_scored_with_the_sound_of_their_moment():
    ((part, sound),) = with_sound(scene().parts())
    one, two = (scores_of(track, sound, Lips(), 0) for track in part.seen.tracks)
    assert np.nanmean(one[:90]) > 1 and np.nanmean(two[:90]) < -1
    assert np.isnan(one[91:99]).all()  # nobody speaks there, so that nothing is looked at


def test_a_track_that_begins_within_a_part_has_the_sound_from_there():
    later = Scene(said=TWO, shots=[Shot(start=0, stop=9), Shot(start=9, stop=40, seen="AB")])
    ((part, sound),) = with_sound(later.parts())
    track = part.seen.tracks[0]
    assert track.first_tick == 225
    assert np.nanmean(scores_of(track, sound, Lips(), 0)[:50]) > 1


@pytest.mark.parametrize("why", ["no scorer", "no sound", "no lips"])
def test_without_scorer_sound_or_lips_there_are_no_scores(why):
    (part,) = scene(lips=why != "no lips").parts()
    part = replace(part, heard=None) if why == "no sound" else part
    ((_, sound),) = with_sound([part])
    assert (sound is None) == (why == "no sound")
    found = scores_of(part.seen.tracks[0], sound, None if why == "no scorer" else Lips(), 0)
    assert np.isnan(found).all() and len(found) == len(part.seen.tracks[0].lips)


def shift(made, scorer, step=step_of):
    synchrony = Synchrony(scorer, step)
    for part, sound in with_sound(made.parts()):
        for track in part.seen.tracks:
            synchrony.add(track, sound)
    return synchrony.shift


@pytest.mark.parametrize("late", [0.0, 0.16, 0.32, -0.24])
def test_the_step_between_sound_and_picture_is_found(late):
    assert shift(scene(late=late), Lips()) / 25 == pytest.approx(late, abs=0.09)


def test_lips_that_never_speak_tell_no_step():
    assert shift(scene(late=0.24, drawn="AB"), Lips()) == 0
    assert shift(scene(late=0.24, small="AB"), Lips()) == 0


def test_a_step_too_small_to_matter_leaves_things_as_they_are():
    assert shift(scene(), Lips(), lambda pairs: 0.05) == 0
    assert shift(scene(), Lips(), lambda pairs: -0.2) == -5


def test_only_lips_that_speak_are_asked():
    asked = []
    shift(scene(), Lips(), lambda pairs: asked.extend(pairs) or 0.0)
    share = [float(np.isfinite(lips).all(axis=1).mean()) for lips, _ in asked]
    assert len(asked) == 10 and all(0.7 < each < 0.9 for each in share)


def test_the_step_is_that_of_the_lips_and_the_loudness(monkeypatch):
    from mraf.extractors.speaking import step

    found = step.Shift(seconds=0.12, confidence=0.5)
    monkeypatch.setattr(step, "best_shift", lambda pairs: found if len(pairs) == 10 else None)
    assert shift(scene(), Lips(), None) == 3


class Counting(Lips):
    """Counts the tracks that are scored."""

    def __init__(self):
        self.calls = 0

    def score(self, lips, mfcc):
        self.calls += 1
        return super().score(lips, mfcc)


@pytest.mark.parametrize("late", [0.0, 0.24])
def test_enough_lips_are_tried_and_no_more(late):
    made = Scene(said=dialogue("AB", 150), shots=[Shot(start=0, stop=600, seen="AB")], late=late)
    counting = Counting()
    found = seen_in(made.parts(), counting, PAIRS.face, step_of)
    tracks = sum(len(part.seen.tracks) for part in made.parts())
    assert tracks == 20 and found.late == late
    assert counting.calls == tracks if late == 0 else tracks < counting.calls <= tracks + 5


def test_a_film_in_which_nobody_is_seen_speaking_is_scored_once_and_not_kept():
    made = Scene(said=dialogue("AB", 75), shots=[Shot(start=0, stop=300, seen="AB")], drawn="AB")
    counting, kept = Counting(), []
    seen_in(made.parts(), counting, PAIRS.face, lambda pairs: kept.append(pairs) or 0.0)
    assert counting.calls == 10 and kept == []


def test_of_somebody_who_says_a_word_only_the_word_is_kept():
    made = Scene(
        said=[*dialogue("B", 14), Said(start=56, stop=58, who="A")],
        shots=[Shot(start=0, stop=60, seen="A")],
    )
    asked = []
    shift(made, Lips(), lambda pairs: asked.extend(pairs) or 0.0)
    ((lips, mfcc),) = asked
    assert 50 < len(lips) < 90 and len(mfcc) == 4 * len(lips)
    assert 48 <= np.isfinite(lips).all(axis=1).sum() <= 62


@pytest.mark.parametrize("shift", [-8, -1, 0, 3, 8])
def test_at_the_border_of_a_part_the_sound_is_that_of_the_next_and_of_the_one_before(shift):
    made = Scene(said=dialogue("A", 45), shots=[Shot(start=0, stop=180, seen="A")])
    sounds = [sound for _, sound in with_sound(made.parts())]
    ticks = sounds[1].at(1500 + shift, 1500)[:, 0]
    assert ticks.tolist() == np.repeat(np.arange(1500 + shift, 3000 + shift), 4).tolist()
    silence = sounds[0].at(0, 1)[0, 1]
    assert silence == 0 and (sounds[0].at(-8, 8)[:, 0] < -30).all()  # before the file begins
    assert (sounds[2].at(4500, 8)[:, 0] < -30).all()


def test_a_part_without_sound_is_silent_for_the_others():
    parts = Scene(said=dialogue("A", 45), shots=[Shot(start=0, stop=180, seen="A")]).parts()
    sounds = [sound for _, sound in with_sound([replace(parts[0], heard=None), *parts[1:]])]
    assert sounds[0] is None and (sounds[1].at(1490, 10)[:, 0] < -30).all()
    assert isinstance(sounds[1], Sound) and sounds[1].at(1500, 1)[0, 0] == 1500


def test_parts_are_read_one_after_another_and_again():
    made = Scene(said=dialogue("AB", 40), shots=[Shot(start=0, stop=160, seen="AB")])
    read = []

    class Parts:
        def __iter__(self):
            for part in made.parts():
                read.append(part.start)
                yield part

    found = seen_in(Parts(), Lips(), PAIRS.face, step_of)
    assert len(found.tracks) == 2 and found.tracks[0].stop == pytest.approx(160)
    assert read[-3:] == [0, 60, 120] and found.size == (640, 360) and found.late == 0
