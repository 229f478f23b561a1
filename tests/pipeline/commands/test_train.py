import json
import re
import shutil


def test_a_network_notes_which_clips_calibrated_it(mraf, challenge, tmp_path):
    workspace = shutil.copytree(challenge, tmp_path / "workspace")
    options = ("train", "--arch", "fop", "--epochs", 1, "-w", workspace)
    code, out, _ = mraf(*options)
    assert code == 0 and "calibration error" in out
    assert re.search("note .*the held-out clips that chose the temperatures", out)
    code, out, _ = mraf(*options, "--holdout", 0, "--json")
    report = json.loads(out)
    assert code == 0 and report["calibration"] == {}
    assert any("probabilities are not calibrated" in note for note in report["notes"])
