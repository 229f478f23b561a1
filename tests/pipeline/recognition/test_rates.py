"""Shares of known people and of strangers that a model names."""

from dataclasses import replace

import numpy as np
import pytest

from mraf.fit import fit
from mraf.inference.prediction import predict
from mraf.pipeline.recognition.rates import POINTS, decided, kept, measured, only, points, showing
from mraf.prototypes.options import PrototypeOptions
from mraf.recognition.curve import curve
from mraf.types import Features

SHARES = {
    "threshold": 0.4,
    "known": {"right": 0.9, "wrong": 0.0, "unknown": 0.1, "clips": 20, "speakers": 4},
    "strangers": {"named": 0.05, "clips": 20, "speakers": 4, "error": 0.02},
    "curve": {"false_alarm": [0.0, 1.0], "identified": [0.5, 1.0]},
}


def clips(label: np.ndarray, noise: float = 0.6) -> Features:
    """Return clips of people around their directions; of people from 4 on, the labels are -1."""
    centre, random = (
        np.random.default_rng(0).normal(size=(8, 24)),
        np.random.default_rng(len(label)),
    )
    face, voice = (
        (centre[label][:, part] + noise * random.normal(size=(len(label), 12))).astype(np.float32)
        for part in (slice(12), slice(12, 24))
    )
    present = np.ones((2, len(label)), bool)
    present[0, 0], present[1, 1] = False, False
    return Features(
        face=face,
        face_present=present[0],
        voice=voice,
        voice_present=present[1],
        label=np.where(label < 4, label, -1),
        recording=np.arange(len(label)) // 2,
    )


@pytest.fixture(scope="module")
def model():
    train = clips(np.repeat(np.arange(4), 10))
    fold = (train.recording % 5).astype(np.int64)
    options = PrototypeOptions(steps=2, batch_size=16)
    return fit(train, 4, options, fold=fold).model


@pytest.fixture(scope="module")
def tested() -> tuple[Features, np.ndarray]:
    who = np.tile(np.arange(8), 6)
    return clips(who), np.array([f"p{each}" for each in who])


def test_shares_are_those_of_the_answers_at_the_threshold(model, tested):
    features, speaker = tested
    found = measured(model, features, speaker)
    assert list(found) == ["face_voice", "voice", "face"]
    voice = features.take(features.voice_present).without_face()
    answer = predict(model, voice)
    named = answer.known >= answer.threshold
    right = answer.probability.argmax(axis=1) == voice.label
    known = voice.label >= 0
    assert found["voice"].known.right == pytest.approx((named & right)[known].mean())
    assert found["voice"].known.unknown == pytest.approx((~named)[known].mean())
    assert found["voice"].strangers.named == pytest.approx(named[~known].mean())
    assert (found["voice"].known.clips, found["voice"].known.speakers) == (23, 4)
    assert (found["voice"].strangers.clips, found["voice"].strangers.speakers) == (24, 4)
    assert found["voice"].threshold == pytest.approx(float(answer.threshold[0]))
    assert found["face_voice"].known.clips == 22  # two have one modality only
    assert found["voice"].curve["identified"][-1] == pytest.approx(right[known].mean())


def test_without_strangers_there_are_known_people_only(model, tested):
    features, speaker = tested
    known = features.label >= 0
    found = measured(model, features.take(known), speaker[known])["face"]
    assert found.known is not None and found.strangers is None and found.curve is None
    found = measured(model, features.take(~known), speaker[~known])["face"]
    assert found.known is None and found.strangers is not None and found.curve is None


def test_what_the_model_cannot_decide_by_is_left_out(model, tested):
    features, speaker = tested
    assert list(measured(model, features.without_face(), speaker)) == ["voice"]
    model.recogniser.fitted.fill_(False)
    try:
        assert measured(model, features, speaker) == {}
        assert not decided(model, features).accepted.any()
    finally:
        model.recogniser.fitted.fill_(True)


def test_a_clip_without_face_and_voice_is_not_named(model, tested):
    nothing = tested[0].without_face().without_voice()
    given = decided(model, nothing)
    assert not given.accepted.any() and not given.possible.any()


def test_modalities_are_hidden_and_clips_without_them_left_out(tested):
    features, _ = tested
    assert showing(features, "face_voice").sum() == len(features) - 2
    assert not only(features, "voice").face_present.any()
    assert only(features, "face_voice") is features


def test_figures_of_training_are_read_from_the_folder():
    found = kept({"recognition": {"voice": SHARES}})
    assert list(found) == ["voice"]
    assert found["voice"].known.clips == 20 and found["voice"].strangers.named == 0.05
    assert found["voice"].curve["identified"] == [0.5, 1.0]
    assert found["voice"].error == 0.02


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"recognition": None},
        {"recognition": {"voice": None}},
        {"recognition": {"voice": {"threshold": 0.4}, "by": "speakers left out"}},
        {"recognition": {"voice": {**SHARES, "strangers": [1]}}},
        {"recognition": {"voice": {**SHARES, "known": {"odd": 1}}}},
        {"recognition": {"smell": SHARES}},
    ],
)
def test_figures_in_another_form_are_left_out(metrics):
    assert kept(metrics) == {}


def test_a_curve_of_many_points_is_stated_in_few():
    random = np.random.default_rng(0)
    whole = curve(random.random(5000) + 0.5, np.ones(5000, bool), random.random(5000))
    few = points(whole)
    assert len(few["false_alarm"]) <= POINTS + 1
    assert few["false_alarm"][0] == 0 and few["false_alarm"][-1] == 1
    for rate, identified in zip(few["false_alarm"], few["identified"], strict=True):
        assert identified == whole.at(rate)


def test_a_clip_with_face_and_voice_is_decided_as_identify_does(model, tested):
    """Faces of known people over voices of others: who speaks is asked."""
    features, _ = tested
    both = features.take(features.face_present & features.voice_present)
    mixed = replace(both, voice=np.roll(both.voice, 1, axis=0))
    whole = predict(model, mixed)
    face, voice = predict(model, mixed.without_voice()), predict(model, mixed.without_face())
    given = decided(model, mixed)
    strange = face.is_known & (voice.known < 0.05)
    assert strange.any() and (whole.is_known & strange).any()
    assert not given.accepted[strange].any()
    # Nobody is named whom neither the clip, nor a sure voice, nor both alone show to be known.
    enough = whole.is_known | (voice.known >= 0.95) | (face.is_known & voice.is_known)
    assert not given.accepted[~enough].any()
