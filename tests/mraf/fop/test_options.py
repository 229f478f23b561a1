import pytest

from mraf.errors import UsageError
from mraf.fop.options import FOPConfig, FOPOptions


def test_the_defaults_are_those_of_the_challenges_baseline():
    fop = FOPOptions()
    assert (fop.lr, fop.batch_size, fop.dim, fop.dropout) == (1e-3, 32, 512, 0.5)
    assert (fop.epochs, fop.patience, fop.gain, fop.lambda_opl) == (300, 10, 0.003, 0)
    config = FOPConfig(face_dim=3, voice_dim=3, classes=2)
    assert (config.dim, config.dropout) == (fop.dim, fop.dropout)


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": 0},
        {"lambda_opl": float("nan")},
        {"gain": -1},
        {"unwatched_epochs": 0},
        {"epochs": None},
        {"tokens": 3},
        {"dropout": 1.0},
    ],
    ids=str,
)
def test_refused(changes):
    with pytest.raises(UsageError, match=f"^training: {next(iter(changes))}"):
        FOPOptions(**changes)
