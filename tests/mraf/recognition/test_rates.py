"""The rates that training measures."""

import json

import numpy as np
import pytest
import torch

from mraf.recognition.rates import Decided, report, share_error
from mraf.recognition.recogniser import Recogniser


def decided(number=200):
    random = np.random.default_rng(0)
    known = np.arange(number) % 2 == 0
    logit = random.normal(np.where(known, 4.0, -4.0))
    return Decided(
        known=known,
        right=known & (np.arange(number) % 20 != 0),
        speaker=np.arange(number) // 10,
        logit=logit,
        accepted=logit > 2,
    )


def test_the_report_has_rates_error_and_curve():
    made = Recogniser(2)
    made.threshold.copy_(torch.tensor([0.5, 0.6, 0.75]))
    found = report([decided(), None, None], made, false_names=0.02, by="speakers left out")
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["false_names"] == 0.02 and found["voice"] == {"threshold": pytest.approx(0.6)}
    rates = found["face_voice"]
    known, strangers = rates["known"], rates["strangers"]
    assert known["right"] + known["wrong"] + known["unknown"] == pytest.approx(1)
    assert known["wrong"] == pytest.approx(0.1, abs=0.03) and known["clips"] == 100
    assert strangers["named"] == 0 and strangers["error"] > 0 and strangers["speakers"] == 20
    assert rates["curve"]["identified"] == sorted(rates["curve"]["identified"])
    assert rates["calibration_error"] < 0.05


def test_clips_of_one_speaker_go_together_in_the_error():
    speaker = np.repeat(np.arange(10), 10)
    spread = share_error(np.arange(100) % 10 == 0, speaker)
    together = share_error(speaker == 0, speaker)
    assert spread < 1e-9 and together > 0.05
