import subprocess
import sys

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.types import Features
from tests.mraf.conftest import made_features


def test_take_and_hide():
    features = made_features()
    assert len(features) == 72
    part = features.take(features.label == 2)
    assert len(part) == 12 and set(part.label) == {2}
    assert not features.without_face().face_present.any()
    assert features.without_face().voice_present.all()
    assert not features.without_voice().voice_present.any()
    assert features.face_present.all()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("face", np.zeros(72, np.float32), r"face has shape \[72\]"),
        ("face", np.zeros((72, 3)), "float64"),
        ("voice", np.zeros((71, 8), np.float32), r"\[71, 8\]"),
        ("voice_present", np.ones(72, np.int64), "voice_present"),
        ("label", np.zeros(72, np.int32), "int32"),
        ("recording", [0] * 72, "recording is a list"),
    ],
)
def test_wrong_arrays_are_refused(name, value, message):
    with pytest.raises(UsageError, match=message):
        Features(**{**vars(made_features()), name: value})


def test_what_is_not_finite_is_refused_only_where_present():
    values = vars(made_features())
    values["face"][5, 2] = np.nan
    with pytest.raises(UsageError, match="face of row 5"):
        Features(**values)
    values["face_present"][5] = False
    Features(**values)


def test_quick_imports_leave_torch_out():
    modules = "mraf, mraf.types, mraf.network.options, mraf.prototypes.options, mraf.checkpoint"
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
