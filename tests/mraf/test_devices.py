"""Training and answering on a GPU; the same on the CPU, so that only the device is untried there."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from mraf.checkpoint import Checkpoint, load, save
from mraf.episodic.options import EpisodicOptions
from mraf.fit import fit
from mraf.fop.options import FOPOptions
from mraf.inference.prediction import predict
from mraf.network.options import TrainOptions
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import SMALL, made_features

PAPER = TrainOptions(epochs=8, steps=None, lr=1e-2, batch_size=16, threads=1, **SMALL)
AUTHORS = TrainOptions.authors(epochs=8, steps=None, lr=3e-3, batch_size=16, threads=1, **SMALL)
OPTIONS = {
    "prototypes": PrototypeOptions(steps=5, batch_size=32),
    "cosine": PrototypeOptions(steps=5, batch_size=32, fusion="mean"),
    "episodic": EpisodicOptions(episodes=5, dim=32, ffn=48),
    "fop": FOPOptions(unwatched_epochs=12, epochs=12, dim=32, lr=1e-2, lambda_opl=0.1, threads=1),
    "paper": PAPER,
    "authors": AUTHORS,
    "lstm": replace(PAPER, fusion="lstm"),
    "gated": replace(PAPER, fusion="gated", balance="recording"),
    "completion": replace(PAPER, missing_token="completion", epochs=3),
    "memory": replace(PAPER, missing_token="memory", epochs=3),
}
ON_THE_CPU = ("prototypes", "cosine", "episodic")
"""Types that are fitted on the CPU, wherever the model then goes."""


def parts():
    features = made_features(speakers=6, recordings=5, clips=4, missing=0.1)
    held = features.recording % 5 == 4
    return features.take(~held), features.take(held)


def trained(name, device):
    train, dev = parts()
    return fit(train, 6, replace(OPTIONS[name], device=device), dev=dev)


once = cache(trained)  # each model for all tests that only look at it


@pytest.mark.parametrize("name", OPTIONS)
def test_every_model_type_trains_and_names_the_same_speakers(torch_device, name):
    _, dev = parts()
    here, there = once(name, "cpu"), once(name, torch_device)
    assert next(there.model.buffers()).device.type == torch.device(torch_device).type
    assert all(np.isfinite(report.loss.get("total", 0.0)) for report in there.history)
    assert set(there.dev) == set(here.dev) and set(there.calibration) == set(here.calibration)
    assert len(there.out_of_fold) == len(here.out_of_fold)
    expected, found = predict(here.model, dev), predict(there.model, dev)
    if name in ON_THE_CPU or torch_device == "cpu:0":
        np.testing.assert_allclose(found.probability, expected.probability, atol=1e-4)
    else:  # a GPU draws other dropout: it learns as well, and not the same
        assert there.dev["face_voice"] >= here.dev["face_voice"] - 0.15


@pytest.mark.parametrize("name", ["prototypes", "episodic", "fop", "paper"])
def test_the_same_seed_gives_the_same_model_and_the_callers_randomness_stays(torch_device, name):
    _, dev = parts()
    expected = predict(once(name, torch_device).model, dev).probability
    torch.manual_seed(5)
    states = [torch.get_rng_state()]
    if torch_device == "cuda":
        states.append(torch.cuda.get_rng_state())
    again = trained(name, torch_device).model
    # Attention on a GPU adds in any order.
    near = {"cpu:0": 0.0, "cuda": 2e-2}[torch_device]
    np.testing.assert_allclose(predict(again, dev).probability, expected, atol=near)
    assert torch.equal(torch.get_rng_state(), states[0])
    if torch_device == "cuda":
        assert torch.equal(torch.cuda.get_rng_state(), states[1])


@pytest.mark.parametrize("name", OPTIONS)
def test_a_model_saved_on_a_device_answers_the_same_on_the_cpu_and_back(
    torch_device, name, tmp_path
):
    _, dev = parts()
    model = once(name, torch_device).model
    labels = tuple("ABCDEF")
    save(tmp_path / "model", Checkpoint(model=model, labels=labels, meta={}), "# A model\n")
    expected = predict(model, dev)
    for device in ("cpu", torch_device):
        loaded = load(tmp_path / "model", device).model
        assert next(loaded.buffers()).device.type == torch.device(device).type
        for one, other in zip(
            vars(expected).values(), vars(predict(loaded, dev)).values(), strict=True
        ):
            np.testing.assert_allclose(one, other, atol=1e-3)


@pytest.mark.parametrize("name", ["fop", "paper"])
def test_no_clip_at_all_and_clips_without_anything_are_answered(torch_device, name):
    _, dev = parts()
    model = once(name, torch_device).model
    assert predict(model, dev.take(slice(0))).probability.shape == (0, 6)
    empty = replace(dev, face_present=dev.face_present & False, voice_present=dev.label < 0)
    assert np.isnan(predict(model, empty).probability).all()
