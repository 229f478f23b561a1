import numpy as np
import pytest

from mraf.pipeline.timeline.seen.scoring import Synchrony, scores_of
from mraf.pipeline.timeline.seen.seen import seen_in
from tests.helpers.scenes import PAIRS, Lips, Scene, Shot, dialogue, step_of

TWO = dialogue("AB", 10)
BESIDE = [Shot(start=0, stop=40, seen="AB")]


def scene(**more):
    return Scene(said=TWO, shots=BESIDE, **more)


def test_lips_are_scored_with_the_sound_of_their_moment():
    (part,) = scene().parts()
    one, two = (scores_of(track, part, Lips(), 0) for track in part.seen.tracks)
    assert np.nanmean(one[:90]) > 1 and np.nanmean(two[:90]) < -1
    assert np.isnan(one[91:99]).all()  # nobody speaks there, so that nothing is looked at


def test_a_track_that_begins_within_a_part_has_the_sound_from_there():
    later = Scene(said=TWO, shots=[Shot(start=0, stop=9), Shot(start=9, stop=40, seen="AB")])
    track = later.parts()[0].seen.tracks[0]
    assert track.first_tick == 225
    assert np.nanmean(scores_of(track, later.parts()[0], Lips(), 0)[:50]) > 1


@pytest.mark.parametrize("why", ["no scorer", "no sound", "no lips"])
def test_without_scorer_sound_or_lips_there_are_no_scores(why):
    from dataclasses import replace

    (part,) = scene(lips=why != "no lips").parts()
    part = replace(part, heard=None) if why == "no sound" else part
    found = scores_of(part.seen.tracks[0], part, None if why == "no scorer" else Lips(), 0)
    assert np.isnan(found).all() and len(found) == len(part.seen.tracks[0].lips)


def shift(made, scorer, step=step_of):
    synchrony = Synchrony(scorer, step)
    for part in made.parts():
        for track in part.seen.tracks:
            synchrony.add(track, part)
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
    assert len(asked) == 2 and all(0.4 < each < 0.6 for each in share)


def test_the_step_is_that_of_the_lips_and_the_loudness():
    assert shift(scene(), Lips(), None) == 0  # lips of a scene foretell no loudness


def test_enough_lips_are_tried_and_no_more(monkeypatch):
    calls = []

    class Counting(Lips):
        def score(self, lips, mfcc):
            calls.append(len(lips))
            return super().score(lips, mfcc)

    long = Scene(said=dialogue("AB", 150), shots=[Shot(start=0, stop=600, seen="AB")])
    seen_in(long.parts(), Counting(), PAIRS.face)
    tracks = sum(len(part.seen.tracks) for part in long.parts())
    assert tracks == 20 and len(calls) <= tracks + 5


def test_parts_are_read_one_after_another_and_again():
    made = Scene(said=dialogue("AB", 40), shots=[Shot(start=0, stop=160, seen="AB")])
    read = []

    class Parts:
        def __iter__(self):
            for part in made.parts():
                read.append(part.start)
                yield part

    found = seen_in(Parts(), Lips(), PAIRS.face)
    assert len(found.tracks) == 2 and found.tracks[0].stop == pytest.approx(160)
    assert read[-3:] == [0, 60, 120] and found.size == (640, 360) and found.late == 0
