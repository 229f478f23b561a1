"""The headline figures of the default model, on real people in recordings that did not train it."""

import tarfile

import pytest

from mraf.pipeline.evaluation import evaluate
from mraf.pipeline.polysim.challenge import import_features
from mraf.pipeline.training.train import train
from tests.conftest import SHARED

FLOORS = {
    # Measured: .9970, .9500, .9947 and .9132.
    "prototypes": {"P3": 0.995, "P4": 0.945, "P5": 0.99, "P6": 0.91},
    # Measured: .996, .951, .995 and .911.
    "mraf": {"P3": 0.99, "P4": 0.945, "P5": 0.99, "P6": 0.905},
}
CLIPS = {"P3": 3720, "P4": 3720, "P5": 9186, "P6": 9186}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    archive = SHARED / "data" / "polysim-v1-features.tar.xz"
    if not archive.is_file():
        pytest.skip(f"no features at {archive} (set MRAF_SHARED to the folder that holds data)")
    folder = tmp_path_factory.mktemp("polysim")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    import_features(folder / "polysim", workspace=folder / "workspace")
    return folder / "workspace"


@pytest.mark.shared
@pytest.mark.parametrize("model_type", FLOORS)
def test_speakers_known_from_english_are_named_in_other_recordings_and_in_urdu(
    workspace, model_type
):
    train(workspace, model_type=model_type, languages="English")
    report = evaluate(workspace)
    assert {name: setting.n for name, setting in report.settings.items()} == CLIPS
    for name, floor in FLOORS[model_type].items():
        accuracy = report.settings[name].accuracy
        assert accuracy is not None and accuracy >= floor, (name, accuracy)
