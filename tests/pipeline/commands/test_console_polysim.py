import pytest
from rich.console import Console

from mraf.pipeline.commands import console_polysim
from mraf.pipeline.polysim.scores import Score


@pytest.mark.parametrize("width", [70, 80, 140])
def test_names_and_figures_are_whole_in_terminals_of_any_width(monkeypatch, width):
    out = Console(width=width, record=True, file=None, quiet=False)
    monkeypatch.setattr(console_polysim, "out", out)
    settings = ("P3", "P4", "P5", "P6")
    figures = dict.fromkeys((*settings, "mean"), 0.12345)
    scores = [
        Score(
            name=name,
            mode="single",
            accuracy=figures,
            deviation=figures,
            n=dict.fromkeys(settings, 9304),
            loss={},
            wrong_faces={},
            calibration_before=None,
            calibration_after=None,
            seeds=3,
            seconds=1,
        )
        for name in ("completion", "learned")
    ]
    console_polysim.developed(scores)
    shown = out.export_text()
    assert "completion" in shown and "learned" in shown
    assert shown.count("0.1235") + shown.count("0.1234") == 20
    assert "…" not in shown
