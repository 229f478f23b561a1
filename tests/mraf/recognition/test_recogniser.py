"""The probability that the person of a clip is enrolled."""

from types import SimpleNamespace

import torch

from mraf.recognition.likeness import Likeness
from mraf.recognition.pairs import VOICE
from mraf.recognition.recogniser import Recogniser
from mraf.recognition.signals import SIGNALS


def output(best, used=True):
    scores = torch.tensor([[b, 0.0] for b in best])
    shown = torch.full((len(best),), used)
    return SimpleNamespace(
        face_logits=scores,
        voice_logits=scores,
        voice_plain=None,
        face_plain=None,
        fusion_logits=scores,
        face_used=shown,
        voice_used=shown,
    )


def fitted() -> Recogniser:
    made = Recogniser(2)
    made.weight.copy_(torch.full((3, len(SIGNALS)), 20.0))
    made.bias.copy_(torch.tensor([-10.0] * 3))
    made.threshold.copy_(torch.tensor([0.7, 0.8, 0.9]))
    made.fitted.fill_(True)
    return made


def test_sure_clips_can_still_be_ranked():
    known, threshold = fitted()(output([0.80, 0.81, 0.82, 0.85]))
    assert known.dtype == threshold.dtype == torch.float64
    assert (known.float() == 1).sum() >= 2  # single precision would not tell them apart
    assert (known.diff() > 0).all() and known.max() < 1
    assert torch.allclose(threshold, torch.tensor(0.7, dtype=torch.float64))


def test_nothing_compared_is_nan():
    known, threshold = fitted()(output([0.8], used=False))
    assert known.isnan().all() and threshold.isnan().all()


def test_an_unfitted_recogniser_says_nothing():
    known, _ = Recogniser(2)(output([0.8]))
    assert known.isnan().all()


def test_a_clip_must_be_like_the_person_by_the_encoders_own_vectors_too():
    """Of few people, centred scores are high for strangers; plain cosines are not."""
    made, scores = fitted(), torch.tensor([[0.9, 0.0]])
    likeness = Likeness.of(("dlib", "campplus"))
    made.ask(likeness, 0.01)
    slope, bias = VOICE["campplus"]
    between = (float(likeness.trained[1] + likeness.newcomer[1]) / 2 - bias) / slope
    for face, voice, is_newcomer, expected in (
        (0.99, 0.7, False, True),
        (0.90, 0.3, False, False),
        (None, between, False, True),  # enough of somebody who trained
        (None, between, True, False),
    ):
        made.trained.fill_(not is_newcomer)
        compared = SimpleNamespace(
            face_logits=scores,
            voice_logits=scores,
            voice_plain=torch.tensor([[voice, 0.0]]),
            face_plain=torch.tensor([[face or 0.0, 0.0]]),
            fusion_logits=scores,
            face_used=torch.tensor([face is not None]),
            voice_used=torch.tensor([True]),
        )
        known, threshold = made(compared)
        assert bool(known >= threshold) == expected, (face, voice, is_newcomer)
