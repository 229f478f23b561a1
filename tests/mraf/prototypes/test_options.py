import subprocess
import sys

import pytest

from mraf.errors import UsageError
from mraf.prototypes.options import PrototypeOptions


def test_the_learning_rate_warms_up_and_falls_to_zero():
    options = PrototypeOptions(steps=100, warmup=10)
    assert options.rate(0) == pytest.approx(0.1)
    assert options.rate(9) == pytest.approx(0.91) and options.rate(50) == pytest.approx(0.5)
    assert options.rate(100) == 0


def test_cosine_takes_changes():
    options = PrototypeOptions.cosine(power=1.0, seed=4)
    assert (options.power, options.seed, options.steps, options.fusion) == (1.0, 4, 0, "mean")


def test_options_are_keywords_only():
    with pytest.raises(TypeError):
        PrototypeOptions(True)


@pytest.mark.parametrize(
    "changes",
    [
        {"voice_shrinkage": 1.5},
        {"lr": 0},
        {"hubness_offset": -1},
        {"batch_size": 0},
        {"wrong_face": 2},
        {"voice_softening": 0},
        {"fusion": "x"},
        {"threads": 0},
        {"noise": float("nan")},
    ],
)
def test_wrong_options_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypeOptions(**changes)


def test_torch_is_not_imported():
    code = "import sys, mraf.prototypes.options; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
