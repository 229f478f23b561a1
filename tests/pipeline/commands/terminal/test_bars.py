"""Progress bars, on a terminal."""

import io

from rich.console import Console

from mraf.network.loop import EpochReport
from mraf.pipeline.commands.terminal import bars
from mraf.pipeline.extraction.run import ExtractProgress

COUNTS = {"clips": 9, "reused": 0, "face_missing": 0, "voice_missing": 0, "failed": 0}


def terminal(monkeypatch) -> io.StringIO:
    """What a terminal of 120 columns shows."""
    out = Console(force_terminal=True, width=120, file=io.StringIO())
    monkeypatch.setattr(bars, "err", lambda: out)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    return out.file


def test_files_that_are_hashed_are_counted_before_clips_that_are_done(monkeypatch):
    text = terminal(monkeypatch)
    for hashed, done, shown in ((4, 0, "Reading"), (0, 5, "Extracting")):
        with bars.extract_bar(False) as show:
            show(ExtractProgress(hashed=hashed, done=done, **COUNTS))
        assert shown in text.getvalue() and f"{hashed or done}/9" in text.getvalue()


def test_the_speed_of_hashing_is_not_that_of_the_extraction(monkeypatch):
    """Rich keeps the speed of a task that has reached its total."""
    terminal(monkeypatch)
    tasks = []
    monkeypatch.setattr(bars.Progress, "stop", lambda bar: tasks.extend(bar.tasks))
    with bars.extract_bar(False) as show:
        show(ExtractProgress(hashed=9, done=0, **COUNTS))
        show(ExtractProgress(done=3, **COUNTS))
    (task,) = tasks
    assert (task.completed, task.finished) == (3, False)


def test_an_extraction_follows_its_downloads(monkeypatch):
    """Rich refuses two bars at once."""
    text = terminal(monkeypatch)
    with bars.extract_bars(False) as (on_download, on_progress):
        on_download("facenet", 10, 100)
        on_download("ecapa", 100, 100)
        on_progress(ExtractProgress(done=3, **COUNTS))
    shown = text.getvalue()
    assert shown.index("facenet") < shown.index("ecapa") < shown.index("3/9")


def test_a_second_fit_is_named_and_chooses_no_epoch(monkeypatch):
    """The first one measures on held-out clips; every epoch of the second is the best so far."""
    text = terminal(monkeypatch)

    def epoch(number, best, **dev):
        return EpochReport(
            epoch=number, epochs=2, loss={"total": 1.0}, dev=dev, best=best, seconds=0.1
        )

    with bars.train_bar(False) as show:
        show(epoch(1, True, voice=0.5))
        show(epoch(2, False, voice=0.4))
    assert "best: epoch 1" in text.getvalue() and "on all" not in text.getvalue()
    text = terminal(monkeypatch)
    with bars.train_bar(False) as show:
        show(epoch(2, True, voice=0.5))
        show(epoch(1, True))
    assert "Training on all" in text.getvalue() and "best" not in text.getvalue()
