import numpy as np
import pytest
import torch

from mraf.network.batches import Batch, Sampler
from mraf.network.loop import Length, Step, run_epochs
from tests.mraf.conftest import made_features


class Line(Step):
    """Fits one number to the labels of 72 clips, in batches of 32."""

    def __init__(self) -> None:
        features = made_features()
        sampler = Sampler(features, batch_size=32, seed=1, device=torch.device("cpu"))
        super().__init__(torch.nn.Linear(1, 1), Batch.of(features, "cpu"), sampler, lr=0.1)
        self.seen = 0

    def losses(self, batch):
        self.seen += len(batch)
        guess = self.model(torch.ones(len(batch), 1)).squeeze(-1)
        return {"total": (guess - batch.label).square().mean(), "count": torch.tensor(1.0)}


def run(step, figures=None, *, steps=None, epochs=None, patience=None, gain=0.0):
    values = iter(figures or [])
    return run_epochs(
        step,
        Length(steps=steps, epochs=epochs, patience=patience),
        measure=lambda model: {"figure": next(values)} if figures else {},
        figure=lambda measured: measured.get("figure"),
        gain=gain,
    )


@pytest.mark.parametrize(
    ("length", "epochs", "seen"),
    [
        ({"epochs": 2}, 2, 144),
        ({"steps": 6}, 2, 144),
        ({"steps": 5}, 2, 136),  # without the last batch of 8
        ({"steps": 1}, 1, 32),
        ({"steps": 7}, 3, 176),
    ],
)
def test_steps_and_epochs_bound_the_training(length, epochs, seen):
    step = Line()
    result = run(step, **length)
    assert [each.epoch for each in result.history] == list(range(1, epochs + 1))
    assert {each.epochs for each in result.history} == {epochs}
    assert step.seen == seen and result.best_epoch == epochs
    assert result.steps == length.get("steps", 3 * epochs)
    assert all(each.loss["count"] == 1 for each in result.history)


@pytest.mark.parametrize(
    ("figures", "gain", "patience", "best", "epochs"),
    [
        ([0.5, 0.7, 0.6, 0.65, 0.9], 0.0, 2, 2, 4),
        ([0.5, 0.7, 0.6, 0.65, 0.9], 0.0, None, 5, 5),
        ([0.5, 0.502, 0.504, 0.506, 0.9], 0.003, 3, 5, 5),  # adds up to more than the gain
        ([0.5, 0.502, 0.503, 0.4, 0.9], 0.003, 3, 1, 4),
    ],
)
def test_the_best_epoch_and_patience(figures, gain, patience, best, epochs):
    result = run(Line(), figures, epochs=5, patience=patience, gain=gain)
    assert result.best_epoch == best and len(result.history) == epochs
    assert result.steps == 3 * best
    assert result.dev == {"figure": figures[best - 1]}
    assert result.history[best - 1].best and not any(each.best for each in result.history[best:])


def test_the_weights_are_those_of_the_best_epoch():
    models = []
    for figures, epochs in (([0.9, 0.5, 0.6], 3), (None, 1), (None, 3)):
        torch.manual_seed(0)
        models.append(run(Line(), figures, epochs=epochs).model)
    kept, first, third = (model.bias.item() for model in models)
    assert kept == first != third
    assert not models[0].training


def test_the_steps_are_those_up_to_the_end_of_the_best_epoch():
    assert run(Line(), [0.5, 0.9, 0.6], steps=7).steps == 6
    assert run(Line(), [0.5, 0.6, 0.9], steps=7).steps == 7


def test_loss_is_the_mean_over_batches():
    torch.manual_seed(0)
    step = Line()
    guess = float(step.model(torch.ones(1, 1)).detach())
    for group in step.optimizer.param_groups:
        group["lr"] = 0.0
    order = Sampler(made_features(), batch_size=32, seed=1, device=torch.device("cpu")).batches()
    label = made_features().label
    expected = np.mean([np.mean((label[index.numpy()] - guess) ** 2) for index in order])
    assert run(step, epochs=1).history[0].loss["total"] == pytest.approx(expected, rel=1e-5)
