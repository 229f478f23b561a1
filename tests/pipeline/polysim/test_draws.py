"""Draws of known people and strangers: who trains, and who is named."""

import numpy as np
import pytest

from mraf.errors import MissingError, UsageError
from mraf.pipeline.polysim.draws import Clips
from mraf.pipeline.workspace import Workspace
from tests.helpers.workspaces import filled, people


@pytest.fixture
def clips(tmp_path) -> Clips:
    """Six people with three recordings of two clips in each language; one has one recording."""
    labels = [each for each in people(6) if each[0] != "s5" or each[2] == "v0"]
    return Clips.of(Workspace(filled(tmp_path / "w", labels)), "english")


def test_a_recording_of_each_known_person_is_held_out(clips):
    drawn = clips.draw(2, seed=3)
    assert drawn.classes == 4
    known, strange = drawn.tests["English"]
    held = {(int(label), int(r)) for label, r in zip(known.label, known.recording, strict=True)}
    trained = {
        (int(label), int(r))
        for label, r in zip(drawn.train.label, drawn.train.recording, strict=True)
    }
    assert not held & trained
    assert set(drawn.train.label.tolist()) == {0, 1, 2, 3}
    assert len(held) == len({label for label, _ in held})  # one each
    assert set(strange.label.tolist()) == {-1}
    # Who is a stranger in one language is one in the other.
    there = clips.people[
        np.unique(clips.features.label[np.isin(clips.features.face, strange.face).all(axis=1)])
    ]
    assert len(there) == 2


def test_all_clips_in_another_language_are_named(clips):
    drawn = clips.draw(2, seed=3)
    known, strange = drawn.tests["Urdu"]
    assert len(known) + len(strange) == (clips.language == "Urdu").sum()
    assert set(known.label.tolist()) == {0, 1, 2, 3}


def test_a_person_of_one_recording_has_nothing_held_out(clips):
    for seed in range(6):
        drawn = clips.draw(1, seed)
        assert set(drawn.train.label.tolist()) == set(range(5))
        known, _ = drawn.tests["English"]
        several = 5 if len(known) == 10 else 4
        assert len(known) == 2 * several


def test_the_seed_draws_the_same_again_and_another_draws_others(clips):
    assert (clips.draw(2, 1).train.face == clips.draw(2, 1).train.face).all()
    drawn = [tuple(clips.draw(2, seed).train.face[:, 0].tolist()) for seed in range(5)]
    assert len(set(drawn)) > 1


@pytest.mark.parametrize("number", [0, 5, 60])
def test_two_people_are_left_known(clips, number):
    with pytest.raises(UsageError, match=f"6 people: from 1 to 4 of them .* not {number}"):
        clips.check(number)


def test_two_people_are_too_few(tmp_path):
    with pytest.raises(UsageError, match="2 people, and strangers besides known people need three"):
        Clips.of(Workspace(filled(tmp_path / "w", people(2))), "English").check(1)


def test_there_must_be_features(tmp_path):
    with pytest.raises(MissingError):
        Clips.of(Workspace(tmp_path), "English")


def test_models_learn_which_encoders_made_the_vectors(clips):
    """The decision who is known starts from what is known of them."""
    assert clips.draw(2, 1).encoders == clips.encoders
    assert all(clips.encoders)
