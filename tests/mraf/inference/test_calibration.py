import numpy as np
import pytest
import torch

from mraf.inference.calibration import Temperatures, calibration_error, confidence_gaps, temperature


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


def test_of_temperatures_without_loss_the_highest_is_taken():
    found = temperature(torch.eye(3), torch.arange(3))

    def loss(t):
        return torch.nn.functional.cross_entropy(torch.eye(3).double() / t, torch.arange(3))

    assert loss(found) == 0 < loss(1.01 * found)


def test_the_temperature_is_that_of_a_search_by_golden_sections():
    logits, label = drawn(1.0, clips=300)
    logits = logits.double()
    low, high = np.log(1e-3), np.log(1e3)
    ratio = (np.sqrt(5) - 1) / 2
    for _ in range(60):
        a, b = high - ratio * (high - low), low + ratio * (high - low)
        losses = [torch.nn.functional.cross_entropy(logits / np.exp(t), label) for t in (a, b)]
        low, high = (low, b) if losses[0] < losses[1] else (a, high)
    assert temperature(logits, label) == pytest.approx(float(np.exp(low)), rel=1e-6)


def test_gaps_of_two_sets_add_up_to_those_of_both():
    logits, label = drawn(3.0, clips=100)
    probability, label = logits.softmax(dim=-1).numpy(), label.numpy()
    parts = [confidence_gaps(probability[k], label[k]) for k in (slice(60), slice(60, None))]
    error = np.abs(np.sum(parts, axis=0)).sum() / 100
    assert error == pytest.approx(calibration_error(probability, label))
    # The mean of the parts' errors is larger: their gaps have different signs.
    assert error < np.abs(parts).sum() / 100


def test_calibrated_answers_have_a_small_error_and_sharp_ones_a_large_one():
    logits, label = drawn(1.0)
    error = calibration_error(logits.softmax(dim=-1).numpy(), label.numpy())
    sharp = calibration_error((7 * logits).softmax(dim=-1).numpy(), label.numpy())
    assert error < 0.02 and sharp > 0.15


def test_error_of_a_known_case():
    # Four clips of confidence 0.8, two of them right: |0.8 - 0.5|.
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
