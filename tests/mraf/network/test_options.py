from dataclasses import fields

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


def test_the_authors_code_differs_from_the_paper():
    paper, authors = TrainOptions(), TrainOptions.authors(seed=3)
    differ = {f.name for f in fields(paper) if getattr(paper, f.name) != getattr(authors, f.name)}
    assert differ == {
        "inputs", "projection", "position_start", "ffn", "activation", "unit_tokens",
        "missing_start", "face_damping", "head_input", "label_smoothing", "class_weights", "centers",
        "lambda_center", "lambda_floor", "p_av", "p_a", "lr", "weight_decay", "batch_size", "seed",
    }  # fmt: skip
    assert (authors.lr, authors.weight_decay, authors.batch_size) == (5e-5, 1e-4, 32)
    assert (authors.steps, authors.tokens, authors.layers, authors.heads) == (3000, 6, 1, 4)
    assert (authors.label_smoothing, authors.lambda_center, authors.lambda_floor) == (
        0.1,
        0.15,
        0.1,
    )
    assert (authors.p_av, authors.lambda_kd, authors.temperature) == (1, 0.2, 2)


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
        {"label_smoothing": 1.0},
        {"class_weights": "often"},
        {"centers": "none"},
        {"weight_decay": -1e-4},
        {"reliability_floor": 2.0},
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
