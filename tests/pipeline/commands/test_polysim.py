"""`mraf polysim` as a person uses it: what is printed, the exit codes, the JSON."""

import json
import re
import shutil

import pytest

from mraf.fop.options import FOPOptions
from mraf.pipeline.commands.polysim import _specs
from mraf.pipeline.commands.terminal.scores import show_developed
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim.scores import Score
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.polysim_files import Layout

PAPER = ["--model-type", "mraf", "--preset", "paper"]
TINY = [f"--change={name}" for name in ("dim=16", "tokens=2", "ffn=16", "epochs=1")]


@pytest.fixture
def place(challenge, tmp_path):
    """A copy of the small challenge's workspace."""
    return shutil.copytree(challenge, tmp_path / "workspace")


def test_from_the_challenges_folder_to_a_submission(mraf, tmp_path):
    Layout(tmp_path / "polysim", speakers=4, videos=3, tests=6).write()
    code, out, err = mraf("polysim", "import", "polysim")
    assert code == 0 and "60 samples in English and Urdu, 60 new" in out and not err
    code, out, _ = mraf("polysim", "stats")
    assert (
        code == 0
        and re.search(r"English +train +12 +24 +4", out)
        and "-: not in the challenge's files" in out
    )
    code, out, _ = mraf("train", "--language", "English")
    assert code == 0 and "Model prototypes: 4 speakers, 24 clips" in out and "left out" not in out
    assert "24 training clips named right by models that had not trained on their recordings" in out
    code, out, _ = mraf("polysim", "submit", "--out", "sent")
    assert code == 0 and "mode single (each clip alone): 6 English, 6 Urdu samples" in out
    assert (tmp_path / "sent" / "submission_v1_test.zip").is_file()


def test_every_command_gives_one_json_object(mraf, place, tmp_path):
    Layout(tmp_path / "root", speakers=4, videos=3, clips=3, tests=8).write()
    here = ("-w", place, "--json")
    printed = {}
    for name, arguments in {
        "import": ["import", tmp_path / "root"],
        "stats": ["stats"],
        "dev": [
            *("dev", "--model-type", "prototypes", "--preset", "cosine"),
            *("--seeds", 1, "--folds", 2, "--workers", 0),
        ],
        "strangers": ["dev", "--strangers", 1, "--seeds", 2, "--workers", 0, "--preset", "cosine"],
        "ablate": ["ablate", "missing", "--seeds", 1, "--folds", 2, "--workers", 0, *TINY],
        "submit": ["submit", "--out", tmp_path / "out", "--mode", "setting"],
    }.items():
        code, out, _ = mraf("polysim", *arguments, *here)
        assert code == 0, (name, out)
        printed[name] = json.loads(out)
    assert printed["import"]["unchanged"] == printed["import"]["samples"] == 88
    assert len(printed["stats"]["splits"]) == 4
    assert {score["mode"] for score in printed["dev"]["scores"]} == set(MODES)
    assert printed["strangers"]["strangers"] == 1 and printed["strangers"]["known"] == 3
    assert {score["draws"] for score in printed["strangers"]["scores"]} == {2}
    assert (
        printed["ablate"]["paper_mode"] == "cross" and "dim = 16" in printed["ablate"]["conditions"]
    )
    assert printed["submit"]["mode"] == "setting"


def test_each_type_is_measured_with_those_of_the_presets_that_it_has():
    specs = _specs(["prototypes", "fop"], ["default", "cosine"], {"lr": 0.5})
    assert [spec.name for spec in specs] == [
        "prototypes, lr = 0.5",
        "prototypes-cosine, lr = 0.5",
        "fop, lr = 0.5",
    ]
    assert [spec.options for spec in specs] == [
        PrototypeOptions(lr=0.5),
        PrototypeOptions.cosine(lr=0.5),
        FOPOptions(lr=0.5),
    ]


def test_evaluate_in_every_mode(mraf, place):
    for mode in MODES:
        code, out, _ = mraf("evaluate", "--mode", mode, "-w", place, "--json")
        report = json.loads(out)
        assert code == 0 and report["mode"] == mode and report["settings"]["P6"]["n"] == 36
        alone = mode == "single"
        assert (report["settings"]["P3"]["n"], report["out_of_fold"]) == (
            (36, 36) if alone else (0, 0)
        )
        assert bool(report["more"]) == alone and bool(report["notes"]) == (not alone)
        code, out, _ = mraf("evaluate", "--mode", mode, "-w", place)
        assert f"mode {mode}: {MODES[mode]}" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import", "nowhere"], 2, "nowhere"),
        (["dev", "--model-type", "fob"], 2, "'fop'"),
        (["dev", "--preset", "papr"], 2, "'paper'"),
        (["dev", "--strangers", 3], 2, "from 1 to 2 of them can be strangers, not 3"),
        (["dev", "--strangers", 0], 2, "greater than or equal to 1"),
        (["dev", "--strangers", 1, "--language", "Udru"], 2, "'Urdu'"),
        (["dev", "--language", "Udru"], 2, "'Urdu'"),
        (["dev", "--preset", "paper"], 2, "--model-type mraf"),
        (["dev", *PAPER, "--change", "epochs=1.5"], 2, "epochs is 1.5"),
        (["dev", *PAPER, "--change", "epochs"], 2, "NAME=VALUE"),
        (["dev", *PAPER, "--change", "tokens=-1", "--workers", 0], 2, "tokens is -1"),
        (["dev", *PAPER, "--model-type", "fop"], 2, "'fop' has no preset 'paper'"),
        (["dev", *PAPER, "--preset", "cosine"], 2, "'mraf' has no preset 'cosine'"),
        (["dev", "--change", "epochs=2"], 2, "there is no option 'epochs'"),
        (["ablate", "fussion"], 2, "'fusion'"),
        (["ablate", "fusion", "--change", "fusion=lstm"], 2, "varies it"),
        (["ablate", "fusion", "--change", "dimm=4"], 2, "'dim'"),
        (["submit", "--out", "x", "--mode", "sinlge"], 2, "'single'"),
        (["submit", "--out", "x", "--split", "tset"], 2, "'test'"),
        (["submit", "--out", "x", "--model", "nobody"], 3, "nobody"),
    ],
)
def test_wrong_arguments_get_one_calm_line(mraf, place, arguments, code, message):
    found, out, err = mraf("polysim", *arguments, "-w", place)
    assert found == code and message in err and "Traceback" not in err and not out
    found, out, _ = mraf("polysim", *arguments, "-w", place, "--json")
    assert found == code and message in json.loads(out)["error"]


def test_nothing_imported_yet(mraf):
    for arguments in (["stats"], ["submit", "--out", "x"]):
        code, _, err = mraf("polysim", *arguments)
        assert code == 3 and "mraf polysim import" in err


def test_all_unusable_files_are_in_the_json(mraf, tmp_path):
    layout = Layout(tmp_path / "polysim", speakers=4, videos=3, tests=6).write()
    for line in range(2, 16):
        layout.feature("train", "Urdu", line).unlink()
    code, out, _ = mraf("polysim", "import", "polysim", "--json")
    report = json.loads(out)
    assert code == 2 and len(report["problems"]) == 14 and "14" in report["error"]


def test_modes_do_not_share_a_folder(mraf, place):
    assert mraf("polysim", "submit", "--out", "sent", "-w", place)[0] == 0
    assert mraf("polysim", "submit", "--out", "sent", "-w", place)[0] == 0
    code, _, err = mraf("polysim", "submit", "--out", "sent", "--mode", "cross", "-w", place)
    assert code == 2 and "single" in err and "Traceback" not in err


@pytest.mark.parametrize("width", [70, 80, 140])
def test_names_and_figures_are_whole_in_terminals_of_any_width(console, width):
    out = console(width=width, record=True, soft_wrap=False)
    settings = ("P3", "P4", "P5", "P6")
    figures = dict.fromkeys((*settings, "mean"), 0.12345)
    scores = [
        Score(
            name=name, mode="single", accuracy=figures, deviation=figures,
            n=dict.fromkeys(settings, 9304), loss={}, wrong_faces={}, calibration_before=None,
            calibration_after=None, seeds=3, seconds=1,
        )
        for name in ("completion", "learned")
    ]  # fmt: skip
    show_developed(scores)
    shown = out.export_text()
    assert "completion" in shown and "learned" in shown
    assert shown.count("0.1235") + shown.count("0.1234") == 20
    assert "…" not in shown
