"""Progress bars, on a terminal."""

import io

from rich.console import Console

from mraf.network.loop import EpochReport
from mraf.pipeline.commands.terminal import bars
from mraf.pipeline.extraction.run import ExtractProgress


def terminal(monkeypatch) -> io.StringIO:
    """What a terminal of 120 columns shows."""
    out = Console(force_terminal=True, width=120, file=io.StringIO())
    monkeypatch.setattr(bars, "err", lambda: out)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    return out.file


def test_while_clips_are_found_the_bar_says_how_many(monkeypatch):
    text = terminal(monkeypatch)
    with bars.extract_bar(False) as show:
        show(ExtractProgress(clips=12_300, all_found=False, done=4))
    assert "4/?" in text.getvalue() and "found 12,300 so far" in text.getvalue()
    text = terminal(monkeypatch)
    with bars.extract_bar(False) as show:
        show(ExtractProgress(clips=12_300, all_found=False, done=4))
        text.truncate(0)
        show(ExtractProgress(clips=12_301, all_found=True, done=5))
    assert "5/12301" in text.getvalue() and "so far" not in text.getvalue()


def test_an_extraction_follows_its_downloads(monkeypatch):
    """Rich refuses two bars at once."""
    text = terminal(monkeypatch)
    with bars.extract_bars(False) as (on_download, on_progress, _):
        on_progress(ExtractProgress(clips=7, all_found=False))
        on_download("facenet", 10, 100)
        on_download("ecapa", 100, 100)
        on_progress(ExtractProgress(clips=9, all_found=True, done=3))
    shown = text.getvalue()
    places = [shown.index(each) for each in ("found 7", "facenet", "ecapa", "3/9")]
    assert places == sorted(places)


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
