import json

import pytest

from mraf.pipeline.commands.evaluate import show_evaluated
from mraf.pipeline.evaluation import EvaluateReport, Setting


def test_evaluate_reports_the_four_settings(mraf, trained):
    code, out, _ = mraf("evaluate", "-w", trained, "--json")
    report = json.loads(out)
    assert code == 0 and report["mode"] == "single"
    assert set(report["settings"]) == {"P3", "P4", "P5", "P6"}
    assert report["settings"]["P6"]["n"] > report["settings"]["P5"]["n"] > 0
    assert all(setting["accuracy"] >= 0.75 for setting in report["settings"].values())
    scores = [setting["accuracy"] for setting in report["settings"].values()]
    assert report["mean"] == pytest.approx(sum(scores) / 4)
    assert json.loads((trained / "reports" / "default-single.json").read_text()) == report
    code, out, _ = mraf("evaluate", "-w", trained)
    assert code == 0 and "other language (Urdu)" in out and "P6" in out


def test_model_names_are_suggested(mraf, trained):
    code, _, err = mraf("evaluate", "-w", trained, "--model", "defualt")
    assert code == 3 and "Did you mean 'default'" in err


def test_what_the_figures_do_not_cover_is_noted(printed):
    nothing, some = Setting(accuracy=None, n=0), Setting(accuracy=0.5, n=2)
    settings = {"P3": some, "P4": some, "P5": nothing, "P6": nothing}
    report = EvaluateReport(
        model="m", mode="single", settings=settings, more={}, mean=0.5,
        train_languages=("English",), other_languages=(), unknown_speakers=1, notes=("Mind [this].",),
        seconds=1.0,
    )  # fmt: skip
    text = printed(show_evaluated, report)
    assert "note Mind [this]." in text and "No clip in another language" in text
    assert "note Left out: 1 clip of speakers that the model does not know." in text
    assert "other language (-)" in text and "0.500" in text
