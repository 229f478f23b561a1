import json
import re


def test_a_network_says_that_its_calibration_is_measured_in_sample(mraf, challenge, tmp_path):
    import shutil

    workspace = shutil.copytree(challenge, tmp_path / "workspace")
    options = ("train", "--arch", "fop", "--epochs", 1, "-w", workspace)
    code, out, _ = mraf(*options)
    assert code == 0 and "calibration error" in out
    assert re.search("note .*the held-out clips that chose the temperatures", out)
    code, out, _ = mraf(*options, "--holdout", 0, "--json")
    report = json.loads(out)
    assert code == 0 and report["calibration"] == {}
    assert any("probabilities are not calibrated" in note for note in report["notes"])


def test_the_default_is_calibrated_on_training_clips(mraf, challenge, tmp_path):
    import shutil

    workspace = shutil.copytree(challenge, tmp_path / "workspace")
    code, out, _ = mraf("train", "-w", workspace)
    assert code == 0 and "calibration error" in out and "temperatures" not in out
    code, out, _ = mraf("train", "--holdout", 0, "-w", workspace)
    assert code == 0 and "not calibrated" not in out
