"""The likeness that is asked of a clip and the person named."""

import pytest
import torch

from mraf.recognition.likeness import OFF, Likeness, for_number, log_odds, lowered
from mraf.recognition.pairs import Pairs


def test_the_log_odds_are_those_of_pairs():
    face, voice = 0.95, 0.5
    scores = torch.tensor([[0.0, 0.0, 0.0, 0.0, voice, face]] * 3)
    found = log_odds(scores, torch.arange(3), Likeness.of(("dlib", "campplus")).odds)
    pairs = Pairs.of("dlib", "campplus")
    expected = [pairs.both(face, voice), pairs.voice(voice), pairs.face(face)]
    assert found.tolist() == pytest.approx([float(each) for each in expected], abs=1e-3)


def test_fewer_false_names_ask_for_more():
    likeness = Likeness.of(("facenet", "ecapa"))
    assert (likeness.least(0.001) > likeness.least(0.01)).all()
    assert likeness.least(0.01)[1].tolist() == pytest.approx(likeness.newcomer.tolist())


def test_encoders_that_were_not_measured_are_asked_nothing():
    likeness = Likeness.of(("facenet", "new"))
    assert (likeness.least(0.01) == OFF).all()


def test_only_clips_below_the_least_are_lowered():
    logit = torch.tensor([5.0, 5.0, -3.0])
    found = lowered(logit, torch.ones(3), torch.tensor([0.1, -2.0, -2.0]))
    assert found.tolist() == [5.0, -1.0, -3.0]


def test_more_newcomers_ask_for_more():
    asked = for_number(torch.tensor([0, 1, 10, 100]))
    assert asked.tolist() == pytest.approx([0, 0, 0, 2.3026], abs=1e-3)
