from dataclasses import replace

import numpy as np
import pytest
import torch

from mraf.inference.calibration import calibration_error
from mraf.inference.prediction import predict
from mraf.pipeline.polysim.scores import WHOLE, measure, pool
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features


@pytest.fixture(scope="module")
def model():
    """A model of six speakers with temperatures that were fitted."""
    model = fit_uncalibrated(made_features(), 6, PrototypeOptions.cosine())
    model.temperature.value.copy_(torch.tensor([0.05, 0.3, 0.1]))
    return model


def clips(session, **kinds):
    return made_features(session=session, noise=0.8, **kinds)


def measured(model, features, names, modes=("single",), seed=1):
    return {"seconds": 2.0, "settings": measure(model, features, names, modes=modes, seed=seed)}


def test_right_answers_are_counted_by_setting_and_mode(model):
    features = clips(1, missing=0.2)
    found = measure(model, features, ("P3", "P4"), modes=("single", "setting"), seed=1)
    assert set(found) == {"single", "setting"}
    both, voice = features.face_present & features.voice_present, features.voice_present
    for name, test, mask in (("P3", features, both), ("P4", features.without_face(), voice)):
        right = predict(model, test).probability.argmax(axis=1) == features.label
        assert found["single"][name]["n"] == found["setting"][name]["n"] == mask.sum()
        assert found["single"][name]["right"] == right[mask].sum()
    assert "loss" in found["single"]["P3"] and "loss" not in found["setting"]["P3"]


def test_the_calibration_error_is_that_of_all_clips_together(model):
    first, second, other = clips(1), clips(2), clips(3)
    parts = {
        0: measured(model, first, ("P3", "P4")),
        1: measured(model, second, ("P3", "P4")),
        WHOLE: measured(model, other, ("P5", "P6")),
    }
    score = pool("a", "single", [parts])
    shown = [test for each in (first, second, other) for test in (each, each.without_face())]
    label = np.concatenate([each.label for each in shown])

    def error() -> float:
        posteriors = [predict(model, each).probability for each in shown]
        return calibration_error(np.concatenate(posteriors), label)

    assert score.calibration_after == pytest.approx(error(), abs=1e-6)
    by_part = [calibration_error(predict(model, each).probability, each.label) for each in shown]
    assert np.mean(by_part) > score.calibration_after + 0.01
    fitted = model.temperature.value.clone()
    model.temperature.value.copy_(torch.tensor(model.temperature.initial))
    before = error()
    model.temperature.value.copy_(fitted)
    assert score.calibration_before == pytest.approx(before, abs=1e-6)


def test_unfitted_temperatures_have_no_calibration_error(model):
    plain = fit_uncalibrated(made_features(), 6, PrototypeOptions.cosine())
    parts = {WHOLE: measured(plain, clips(1), ("P5", "P6"))}
    score = pool("a", "single", [parts])
    assert score.calibration_before is None and score.calibration_after is None
    assert set(score.loss) == {"P5", "P6"}


def test_the_mean_is_over_the_settings_that_have_clips(model):
    parts = {WHOLE: measured(model, clips(1), ("P5", "P6"), modes=("single", "setting"))}
    for mode in ("single", "setting"):
        score = pool("a", mode, [parts])
        assert score.accuracy["P3"] is None and score.n["P3"] == 0
        assert score.accuracy["mean"] == (score.accuracy["P5"] + score.accuracy["P6"]) / 2
    assert score.loss == {} and score.seconds == 2.0


def test_seeds_give_a_mean_and_a_deviation():
    def part(right):
        figures = {"P5": {"n": 10, "right": right, "loss": right / 10}}
        return {WHOLE: {"seconds": float(right), "settings": {"single": figures}}}

    score = pool("a", "single", [part(8), part(6)])
    assert score.accuracy["P5"] == pytest.approx(0.7) and score.n["P5"] == 10
    assert score.deviation["P5"] == pytest.approx(0.1 * 2**0.5)
    assert score.loss["P5"] == pytest.approx(0.7) and score.seconds == 7
    assert pool("a", "single", [part(8)]).deviation["P5"] == 0


def test_impostors_faces_cost_accuracy_and_every_seed_draws_others(model):
    features = made_features(session=1, noise=0.5)
    found = [measure(model, features, ("P3", "P4"), modes=("single",), seed=s) for s in (1, 1, 2)]
    wrong = [each["single"]["P3"]["wrong_faces"] for each in found]
    right = found[0]["single"]["P3"]["right"] / len(features)
    assert 0.5 < wrong[0] < right and wrong[0] == wrong[1] != wrong[2]
    nothing = replace(features, voice_present=np.zeros(len(features), bool))
    found = measure(model, nothing, ("P3", "P4"), modes=("single",), seed=1)
    assert "wrong_faces" not in found["single"]["P3"] and found["single"]["P4"]["n"] == 0
