import pytest

from mraf.errors import UsageError
from mraf.network.options import TrainOptions


def test_the_defaults_are_section_4_2_of_the_paper():
    paper = TrainOptions()
    assert (paper.p_av, paper.p_a, paper.p_f) == (0.8, 0.2, 0.0)
    assert (paper.lr, paper.batch_size, paper.temperature) == (1e-4, 64, 2.0)
    assert (paper.lambda_f, paper.lambda_a, paper.lambda_c) == (1, 1, 1)
    assert (paper.lambda_kd, paper.lambda_center) == (0.2, 0.1)
    assert (paper.fusion, paper.missing_token) == ("cross_attention", "learned")
    assert (paper.dim, paper.dropout, paper.residual) == (512, 0.1, "weighted")


@pytest.mark.parametrize("length", [{"epochs": 3}, {"steps": None}])
def test_training_has_one_length(length):
    assert TrainOptions(epochs=3, steps=None).steps is None
    with pytest.raises(UsageError, match="one of the two should be a number"):
        TrainOptions(**length)


@pytest.mark.parametrize(
    "changes",
    [
        {"p_a": 0.5},
        {"p_av": 1.2, "p_a": -0.2, "p_f": 0},
        {"lr": 0},
        {"lr": float("nan")},
        {"lr": "fast"},
        {"batch_size": 0},
        {"temperature": 0},
        {"epochs": 0, "steps": None},
        {"steps": 0},
        {"patience": 0},
        {"tokens": -1},
        {"lambda_kd": -1},
        {"center_reduction": "max"},
        {"center_rate": 0},
        {"missing_token": "none"},
        {"fusion": "sum"},
        {"residual": "none"},
        {"inputs": "long"},
        {"lambda_completion": -1},
        {"depth": 3},
    ],
    ids=str,
)
def test_refused(changes):
    with pytest.raises(UsageError, match="^training: ") as raised:
        TrainOptions(**changes)
    assert any(name in str(raised.value) for name in changes)


def test_whole_numbers_serve_where_fractions_are_wanted():
    assert TrainOptions(lr=1).lr == 1 and TrainOptions(patience=None).patience is None
