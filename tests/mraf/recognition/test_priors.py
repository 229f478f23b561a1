"""The decision before any clip is seen."""

import pytest
import torch

from mraf.recognition.priors import FACES, VOICES, prior_of
from mraf.recognition.signals import signals


def known(found, face, voice, plain):
    """The probability by face and voice, in a gallery of one."""
    nobody = -torch.inf
    scores = torch.tensor([[face, nobody, voice, nobody, plain]])
    x = signals(scores, torch.tensor([0]), found.level)[0]
    return float((x @ found.weight[0] + found.bias[0]).sigmoid())


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("voice", VOICES)
def test_the_usual_same_person_is_known_and_the_usual_other_is_not(face, voice, centred):
    found = prior_of((face, voice), centred=centred)
    f, v = (each.centred if centred else each.plain for each in (FACES[face], VOICES[voice]))
    plain = VOICES[voice].plain
    threshold = float(found.threshold(0.01)[0].sigmoid())
    assert known(found, f.same, v.same, plain.same) > threshold
    assert known(found, f.different, v.different, plain.different) < 0.01


def test_an_unknown_encoder_makes_cautious():
    named = prior_of(("facenet", "ecapa"), centred=True)
    unnamed = prior_of((None, "new"), centred=True)
    assert known(unnamed, 0.6, 0.6, 0.6) < known(named, 0.6, 0.6, 0.6)


def test_fewer_false_names_take_a_higher_threshold():
    found = prior_of(centred=True)
    assert (found.threshold(0.001) > found.threshold(0.01)).all()
    assert found.weight.shape == (3, 5) and found.bias.shape == (3,)
