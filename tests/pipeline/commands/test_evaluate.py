import json
from pathlib import Path

import pytest

from mraf.pipeline.commands.evaluate import show_evaluated
from mraf.pipeline.evaluation import EvaluateReport, Setting
from mraf.pipeline.recognition.rates import OpenSet
from mraf.recognition.curve import KnownRates, StrangerRates


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
    assert (
        "P3 and P4: 24 clips by models that had not trained on them, from the cross-validation in training.\n"
        "P5 and P6: by the model, which did not train on these clips.\n"
    ) in out


def test_model_names_are_suggested(mraf, trained):
    code, _, err = mraf("evaluate", "-w", trained, "--model", "protoypes")
    assert code == 3 and "Did you mean 'prototypes'" in err


NOTHING, SOME = Setting(accuracy=None, n=0), Setting(accuracy=0.5, n=2)


def report_of(**changes) -> EvaluateReport:
    return EvaluateReport(**{
        "model": "m", "mode": "single", "more": {}, "mean": 0.5, "train_languages": ("English",),
        "settings": {"P3": SOME, "P4": SOME, "P5": NOTHING, "P6": NOTHING}, "other_languages": (),
        "out_of_fold": 0, "held_out": 4, "unknown_speakers": 1, "notes": ("Mind [this].",), "seconds": 1.0,
        "open_set": {}, "files": (),
        **changes,
    })  # fmt: skip


def test_what_the_figures_do_not_cover_is_noted(printed):
    text = printed(show_evaluated, report_of())
    assert "note Mind [this]." in text and "No clip in another language" in text
    assert "note Left out of accuracies: 1 clip of speakers that the model does not know." in text
    assert "other language (-)" in text and "0.500" in text
    assert "P3 and P4: by the model, which did not train on these clips.\n" in text
    assert "P5 and P6: by" not in text and "cross-validation" not in text


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {"out_of_fold": 1, "held_out": 0},
            ["P3 and P4: 1 clip by models that had not trained on them, from the cross-validation in training."],
        ),
        (
            {"out_of_fold": 2, "held_out": 3},
            ["P3 and P4: 2 clips by models that had not trained on them, from the cross-validation in training; "
             "3 clips by the model, which did not train on these clips."],
        ),
        (
            {"settings": {"P3": NOTHING, "P4": NOTHING, "P5": NOTHING, "P6": SOME}, "out_of_fold": 2},
            ["P5 and P6: by the model, which did not train on these clips."],
        ),
        ({"settings": dict.fromkeys(["P3", "P4", "P5", "P6"], NOTHING), "out_of_fold": 2}, []),
    ],
)  # fmt: skip
def test_who_answered_is_said_where_there_are_clips(printed, changes, sentences):
    text = printed(show_evaluated, report_of(**changes, unknown_speakers=0, notes=()))
    found = [
        line for line in text.splitlines() if line.startswith("P3 and P4") or "P5 and P6: b" in line
    ]
    assert found == sentences
    assert "Measured on" not in text and "did train it" not in text and "note" not in text


def test_the_help_does_not_claim_that_the_clips_chose_nothing(mraf):
    code, out, _ = mraf("evaluate", "--help")
    text = " ".join(out.split())
    assert code == 0 and "had no part in its answers" not in text
    assert "chose its epoch and temperatures" in text


def test_shares_of_known_people_and_strangers_are_shown_with_who_answered(printed):
    known = KnownRates(right=0.9, wrong=0.025, unknown=0.075, clips=1200, speakers=40)
    strangers = StrangerRates(named=0.0125, clips=80, speakers=7)
    both = OpenSet(threshold=0.5, known=known, strangers=strangers, curve=None, error=0.004)
    some = OpenSet(threshold=0.5, known=None, strangers=None, curve=None)
    report = report_of(
        open_set={"model": {"voice": both, "face": some}, "cross_validation": {"face_voice": both}},
        files=(Path("reports/m-single-open-set.csv"),),
    )
    text = printed(show_evaluated, report)
    assert "new clips, each alone, by the model" in text
    assert "training clips, speakers left out in turn" in text
    (line,) = [each for each in text.splitlines() if each.strip().startswith("voice only")]
    assert line.split() == "voice only 90.0 2.5 7.5 1,200 (40) 1.2 ±0.4 80 (7)".split()
    (line,) = [each for each in text.splitlines() if each.strip().startswith("face only")]
    assert line.split() == ["face", "only", *("-" * 6)]
    assert "reports/m-single-open-set.csv" in text
