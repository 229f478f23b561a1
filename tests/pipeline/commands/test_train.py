"""`mraf train` as a person uses it: what is printed, and the JSON."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from mraf.pipeline.training.model_card import TrainReport
from tests.helpers.workspaces import filled, people

FIGURES = (
    r"face \+ voice (0\.\d{3}|1\.000), voice only (0\.\d{3}|1\.000), face only (0\.\d{3}|1\.000)"
)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Four speakers, three recordings of two clips in each of two languages."""
    return filled(tmp_path / "w", people(), noise=3.0)


def test_the_figures_are_those_of_the_cross_validation(mraf, workspace):
    code, out, err = mraf("train", "--language", "English", "-w", workspace)
    assert code == 0 and not err
    lines = out.splitlines()
    folder = re.escape(str(workspace / "models" / "prototypes"))
    assert re.fullmatch(rf"Model prototypes: 4 speakers, 24 clips, \d+ s, in {folder}", lines[0])
    assert re.fullmatch(
        "  24 training clips named right by models that had not trained on their recordings: "
        + FIGURES,
        lines[1],
    )
    assert re.fullmatch(r"  calibration error 0\.\d{3}", lines[2]) and len(lines) == 4
    share = r"(\d+\.\d)"
    assert re.fullmatch(
        r"  strangers: at most 1 % of their clips may get a name; measured: face \+ voice "
        rf"{share} ± {share} % \(known people right {share} %\), voice only .*, face only .*; "
        "4 speakers cannot show so small a share",
        lines[3],
    )


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "2", "nan"])
def test_a_share_of_false_names_out_of_range_is_refused(mraf, workspace, share):
    code, _, err = mraf("train", "--false-names", share, "-w", workspace)
    assert code == 2 and "above 0 and below 1" in err
    assert not (workspace / "models" / "prototypes").exists()


def test_the_model_folder_has_what_was_measured_of_strangers(mraf, workspace):
    code, _, _ = mraf("train", "--false-names", "0.2", "-w", workspace)
    metrics = json.loads((workspace / "models/prototypes/metrics.json").read_text("utf-8"))
    found = metrics["recognition"]
    assert code == 0 and found["false_names"] == 0.2
    assert {"known", "strangers", "curve", "threshold"} <= set(found["voice"])


def test_held_out_recordings_have_figures_of_their_own(mraf, workspace):
    code, out, _ = mraf("train", "--holdout", 0.3, "--name", "mine", "-w", workspace)
    assert code == 0 and "Model mine: 4 speakers, 32 clips" in out
    assert re.search(f"  16 held-out clips named right: {FIGURES}\n  32 training clips", out)
    assert re.search(r"calibration error 0\.\d{3} \(0\.\d{3} before it was calibrated\)", out)


def test_the_json_has_every_field_of_the_report(mraf, workspace):
    code, out, _ = mraf("train", "--preset", "cosine", "-w", workspace, "--json")
    report = json.loads(out)
    assert code == 0 and set(report) == {each.name for each in fields(TrainReport)}
    assert report["model"] == "prototypes-cosine" and report["cross_validated"] == 48
    assert (report["heldout"], report["dev"], report["epoch"]) == (0, {}, None)
    assert set(report["cross_validation"]) == {"face_voice", "voice", "face", "loss"}
    assert set(report["calibration"]) == {"after"} and report["folds_by"] == "recording"


def test_a_network_notes_how_it_was_measured(mraf, workspace):
    options = ("train", "--model-type", "fop", "--epochs", 1, "-w", workspace)
    code, out, _ = mraf(*options)
    assert code == 0 and re.search(r"Model fop: 4 speakers, 48 clips, epoch 1, ", out)
    assert "calibration error" in out
    assert re.search("note .*by a fit to four fifths of the recordings", out)
    assert mraf("evaluate", "-w", workspace, "--model", "fop")[0] == 0


@pytest.mark.parametrize(
    ("labels", "faceless", "said"),
    [
        (people(3, 1, 1, ["English"]), (), "No recording could be held out of training: how good"),
        (people(3, 1, 4, ["English"]), (), "12 training clips named right by models that had not trained on them: "),
        (people(3, 1, 4, ["English"]), (), "so single clips were held out"),
        (people(3, 2, 1, ["English"]), range(6), "No training clip has a face"),
        (people(3, 2, 1, ["English"]), range(6), "their recordings: voice only"),
    ],
)  # fmt: skip
def test_what_was_not_measured_is_said(mraf, tmp_path, labels, faceless, said):
    workspace = filled(tmp_path / "w", labels, faceless=faceless)
    code, out, _ = mraf("train", "-w", workspace)
    assert code == 0 and said in out
    measured = not said.startswith("No recording could be held out")
    assert ("named right" in out) == ("calibration error" in out) == measured
    if not measured:
        code, _, err = mraf("evaluate", "-w", workspace)
        assert code == 3 and "nothing can be measured" in err


def test_epochs_that_do_nothing_are_noted(mraf, workspace):
    code, out, _ = mraf("train", "--preset", "cosine", "--epochs", 2, "-w", workspace)
    assert code == 0 and "note Training with these options has no epochs" in out
