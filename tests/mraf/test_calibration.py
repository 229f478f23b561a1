import numpy as np
import pytest
import torch

from mraf.calibration import Temperatures, calibration_error, temperature


def drawn(scale: float, clips: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits that are `scale` times too sharp, and labels drawn from the true posterior."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(clips, 5, generator=generator) * 2
    label = torch.multinomial(logits.softmax(dim=-1), 1, generator=generator).squeeze(1)
    return logits * scale, label


@pytest.mark.parametrize("scale", [0.02, 1.0, 7.0])
def test_finds_the_temperature(scale):
    assert temperature(*drawn(scale)) == pytest.approx(scale, rel=0.06)


def test_without_clips_nothing_is_changed():
    assert temperature(torch.zeros(0, 5), torch.zeros(0, dtype=torch.long)) == 1.0


def test_all_right_stays_finite():
    assert np.isfinite(temperature(torch.eye(3), torch.arange(3)))


def test_calibrated_answers_have_a_small_error_and_sharp_ones_a_large_one():
    logits, label = drawn(1.0)
    error = calibration_error(logits.softmax(dim=-1).numpy(), label.numpy())
    sharp = calibration_error((7 * logits).softmax(dim=-1).numpy(), label.numpy())
    assert error < 0.02 and sharp > 0.15


def test_error_of_a_known_case():
    # Four clips said with 0.8, two of them right: |0.8 - 0.5|.
    probability = np.full((4, 2), (0.8, 0.2))
    assert calibration_error(probability, np.array([0, 0, 1, 1])) == pytest.approx(0.3)


def test_rows_without_an_answer_are_left_out():
    probability = np.array([[1.0, 0.0], [np.nan, np.nan]])
    assert calibration_error(probability, np.array([0, 0])) == 0.0
    assert np.isnan(calibration_error(probability[1:], np.array([0])))


def test_the_temperature_goes_by_what_is_present():
    module = Temperatures()
    module.value.copy_(torch.tensor([1.0, 2.0, 3.0]))
    face, voice = torch.tensor([True, False, True]), torch.tensor([True, True, False])
    assert module(face, voice).squeeze(1).tolist() == [1.0, 2.0, 3.0]
