import json

import pytest

from mraf.pipeline.commands.evaluate import show_evaluated
from mraf.pipeline.evaluation import EvaluateReport, Setting


def test_evaluate_reports_the_four_settings(mraf, trained):
    code, out, _ = mraf("evaluate", "-w", trained, "--json")
    report = json.loads(out)
    assert code == 0 and report["mode"] == "single" and report["model"] == "prototypes"
    assert set(report["settings"]) == {"P3", "P4", "P5", "P6"}
    assert report["settings"]["P6"]["n"] > report["settings"]["P5"]["n"] > 0
    assert all(setting["accuracy"] >= 0.75 for setting in report["settings"].values())
    scores = [setting["accuracy"] for setting in report["settings"].values()]
    assert report["mean"] == pytest.approx(sum(scores) / 4)
    assert report["out_of_fold"] == 24 > report["settings"]["P4"]["n"] > 20
    assert json.loads((trained / "reports" / "prototypes-single.json").read_text()) == report
    code, out, _ = mraf("evaluate", "-w", trained)
    assert code == 0 and "other language (Urdu)" in out and "P6" in out
    assert "24 clips of P3 and P4 did train it: the answers to them are those of the cross" in out


def test_model_names_are_suggested(mraf, trained):
    code, _, err = mraf("evaluate", "-w", trained, "--model", "protoypes")
    assert code == 3 and "Did you mean 'prototypes'" in err


NOTHING, SOME = Setting(accuracy=None, n=0), Setting(accuracy=0.5, n=2)


def report_of(**changes) -> EvaluateReport:
    return EvaluateReport(**{
        "model": "m", "mode": "single", "more": {}, "mean": 0.5, "train_languages": ("English",),
        "settings": {"P3": SOME, "P4": SOME, "P5": NOTHING, "P6": NOTHING}, "other_languages": (),
        "out_of_fold": 0, "unknown_speakers": 1, "notes": ("Mind [this].",), "seconds": 1.0,
        **changes,
    })  # fmt: skip


def test_what_the_figures_do_not_cover_is_noted(printed):
    text = printed(show_evaluated, report_of())
    assert "note Mind [this]." in text and "No clip in another language" in text
    assert "note Left out: 1 clip of speakers that the model does not know." in text
    assert "other language (-)" in text and "0.500" in text
    assert "Measured on clips that did not train the model.\n" in text and "did train" not in text


def test_clips_that_trained_are_counted_where_there_are_any(printed):
    text = printed(show_evaluated, report_of(out_of_fold=1, unknown_speakers=0, notes=()))
    assert "1 clip of P3 and P4 did train it" in text and "of models that had not trained" in text
    assert "note" not in text
