"""Fitting the decision by leaving speakers out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.fit import fit
from mraf.fop.options import FOPOptions
from mraf.inference.prediction import predict
from mraf.network.options import TrainOptions
from mraf.prototypes.options import PrototypeOptions
from mraf.recognition.fit import check_false_names
from mraf.recognition.likeness import OFF
from tests.mraf.conftest import made_features

QUICK = PrototypeOptions(steps=3, batch_size=16)
NETWORKS = {
    "mraf": TrainOptions(dim=32, tokens=2, ffn=32, epochs=60, steps=None, batch_size=32, threads=1),
    "fop": FOPOptions(dim=32, epochs=60, unwatched_epochs=60, threads=1),
}


def people(speakers, others=20, **kinds):
    """Clips of known people to train, others of theirs, and clips of strangers."""
    kinds = {"recordings": 4, "noise": 0.3, "face_dim": 24, "voice_dim": 24, **kinds}
    every = made_features(speakers=speakers + others, **kinds)
    known = every.label < speakers
    strangers = every.take(~known)
    later = made_features(speakers=speakers + others, **kinds, session=1)
    return (
        every.take(known),
        later.take(later.label < speakers),
        replace(strangers, label=np.zeros_like(strangers.label)),
    )


@pytest.mark.parametrize("hide", ["nothing", "face", "voice"])
def test_known_people_are_known_and_strangers_are_not(hide):
    train, later, strangers = people(20)
    model = fit(train, 20, QUICK).model

    def shown(clips):
        return {"face": clips.without_face, "voice": clips.without_voice}.get(hide, lambda: clips)()

    known, others = predict(model, shown(later)), predict(model, shown(strangers))
    assert known.is_known.mean() > 0.7
    assert others.is_known.mean() <= 0.03
    assert np.nanmedian(known.known) > 0.8 and np.nanmedian(others.known) < 0.2


@pytest.mark.parametrize("preset", NETWORKS)
def test_networks_know_strangers_from_hidden_speakers(preset):
    train, later, strangers = people(8)
    trained = fit(train, 8, NETWORKS[preset])
    assert trained.recognition["by"] == "speakers taken out of the scores"
    known, others = predict(trained.model, later), predict(trained.model, strangers)
    assert np.isfinite(known.known).all()
    assert known.known.mean() > others.known.mean() + 0.2


def test_two_speakers_of_one_recording_have_the_prior():
    train, _, strangers = people(2, recordings=1)
    trained = fit(train, 2, QUICK, encoders=("dlib", "campplus"))
    assert predict(trained.model, train).is_known.mean() > 0.8
    assert predict(trained.model, strangers).is_known.mean() < 0.2
    assert "known" not in trained.recognition["face_voice"]


@pytest.mark.parametrize("lacking", ["face", "voice"])
def test_a_model_without_a_modality_knows_by_the_other(lacking):
    train, later, strangers = people(8)
    without = f"without_{lacking}"
    trained = fit(getattr(train, without)(), 8, QUICK)
    found = [predict(trained.model, each) for each in (later, strangers)]
    assert all(np.isfinite(each.known).all() for each in found)
    assert found[0].is_known.mean() > found[1].is_known.mean() + 0.5
    assert "strangers" not in trained.recognition[lacking]
    hidden = predict(
        trained.model, getattr(later, "without_voice" if lacking == "face" else "without_face")()
    )
    assert np.isnan(hidden.known).all() and hidden.is_known.all()


def test_fewer_false_names_make_the_threshold_higher():
    train, _, _ = people(10, noise=0.6)
    few, many = (
        fit(train, 10, QUICK, false_names=share).model.recogniser.threshold
        for share in (0.001, 0.3)
    )
    assert (few > many).all()


def test_the_same_seed_gives_the_same_decision():
    train, _, _ = people(6)
    first, second = (fit(train, 6, QUICK) for _ in range(2))
    assert first.recognition == second.recognition
    assert torch.equal(first.model.recogniser.weight, second.model.recogniser.weight)


def test_the_answer_who_does_not_change_with_the_share():
    train, later, _ = people(6)
    first, second = (
        predict(fit(train, 6, QUICK, false_names=share).model, later).probability
        for share in (0.01, 0.2)
    )
    assert np.array_equal(first, second)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(UsageError, match="above 0 and below 1"):
        check_false_names(share)


def test_modalities_that_no_held_out_clip_has_name_nobody():
    train, later, _ = people(4)
    fold = (train.recording % 4).astype(np.int64)
    train = replace(train, face_present=fold != 0)
    trained = fit(train, 4, FOPOptions(dim=16, epochs=1, unwatched_epochs=1, threads=1), fold=fold)
    assert bool(trained.model.recogniser.fitted)
    assert trained.recognition["face"] == trained.recognition["face_voice"] == {"threshold": 1.0}
    assert not predict(trained.model, later).is_known.any()
    assert not predict(trained.model, later.without_voice()).is_known.any()
    by_voice = predict(trained.model, later.without_face())
    assert (by_voice.threshold < 1).all()


@pytest.mark.parametrize("preset", NETWORKS)
def test_networks_are_asked_for_no_likeness(preset):
    train, *_ = people(4)
    options = replace(NETWORKS[preset], epochs=1)
    made = fit(train, 4, options).model.recogniser
    assert (made.least == OFF).all() and not made.odds.any()
