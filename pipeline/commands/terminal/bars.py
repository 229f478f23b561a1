"""Progress bars on stderr, on a terminal only. This module imports rich."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from mraf.pipeline.commands.terminal.labels import show_understood
from mraf.pipeline.commands.terminal.output import clock, err, escape, say

if TYPE_CHECKING:
    from mraf.data.clips.labels.understood import Understood
    from mraf.network.loop import EpochReport
    from mraf.pipeline.extraction.run import ExtractProgress
    from mraf.pipeline.timeline.run import TimelineProgress


@contextmanager
def extract_bars(
    quiet: bool,
) -> Iterator[
    tuple[
        Callable[[str, int, int], None],
        "Callable[[ExtractProgress], None]",
        "Callable[[Understood], None]",
    ]
]:
    """Show downloads, the progress of an extraction, and what was understood of the labels."""
    with _in_turn(quiet, download_bar, extract_bar, _labels_page) as callbacks:
        yield callbacks


@contextmanager
def timeline_bars(
    quiet: bool,
) -> Iterator[
    tuple[Callable[[str, int, int], None], "Callable[[TimelineProgress], None]", Callable[..., Any]]
]:
    """Show downloads, and how far the timeline of each file is; the third calls a function without a bar."""
    with _in_turn(quiet, download_bar, timeline_bar, _without_bar) as callbacks:
        yield callbacks


@contextmanager
def verify_bars(
    quiet: bool,
) -> Iterator[tuple[Callable[[str, int, int], None], Callable[[int, int], None]]]:
    """Show downloads, then how many of the clips are compared."""
    with _in_turn(quiet, download_bar, partial(count_bar, "Comparing")) as callbacks:
        yield callbacks


@contextmanager
def _in_turn(quiet: bool, *bars: Any) -> Iterator[Any]:
    """Show the bar that was called last: the terminal holds one at a time."""
    with ExitStack() as shown:
        current: tuple[Any, Callable[..., Any]] | None = None

        def follow(bar: Any, *values: Any) -> Any:
            nonlocal current
            if current is None or current[0] is not bar:
                shown.close()  # the bar before this one
                current = bar, shown.enter_context(bar(quiet))
            return current[1](*values)

        yield tuple(partial(follow, bar) for bar in bars)


@contextmanager
def extract_bar(quiet: bool) -> Iterator["Callable[[ExtractProgress], None]"]:
    """Show the progress of an extraction."""
    text = "{task.fields[speed]} clips/s, {task.fields[lost]}"
    with _bar(quiet, MofNCompleteColumn(), TextColumn(text), TimeRemainingColumn()) as bar:
        task = bar.add_task("Extracting", total=None, speed="-", lost="starting")

        def show(progress: "ExtractProgress") -> None:
            lost = f"{progress.face_missing} without face, {progress.voice_missing} without voice"
            lost += f", {progress.failed} failed" if progress.failed else ""
            lost += "" if progress.all_found else f", found {progress.clips:,} so far"
            lost += _underway(progress)
            speed = bar.tasks[task].finished_speed or bar.tasks[task].speed
            bar.update(
                task,
                total=progress.clips if progress.all_found else None,
                completed=progress.done,
                speed=f"{speed:.1f}" if speed else "-",
                lost=lost,
            )

        yield show


def _underway(progress: "ExtractProgress") -> str:
    """Return how far the long file is that was looked at last, as in ", talk.mp4 at 0:12:30 of 1:00:00"."""
    file = progress.underway
    if file is None:
        return ""
    if file.waiting is not None:
        return f", {PurePath(file.clip).name} {file.waiting}"
    whole = "" if file.seconds is None else f" of {clock(file.seconds)}"
    return f", {PurePath(file.clip).name} at {clock(file.done)}{whole}"


@contextmanager
def timeline_bar(quiet: bool) -> Iterator["Callable[[TimelineProgress], None]"]:
    """Show how much of a file is done, how fast, and the time that is left."""
    with _bar(quiet, TextColumn("{task.fields[figures]}")) as bar:
        task = bar.add_task("Starting", total=None, figures="")
        step: tuple[Any, ...] = ()
        began = first = 0.0

        def show(progress: "TimelineProgress") -> None:
            nonlocal step, began, first
            now = _now()
            if step != (progress.number, progress.step):  # what was there already took no time
                step = (progress.number, progress.step)
                began, first = now, max(progress.seconds, progress.reused)
            of = f" ({progress.number} of {progress.files})" if progress.files > 1 else ""
            bar.update(
                task,
                description=escape(f"{_STEPS[progress.step]} {progress.path.name}{of}"),
                total=progress.duration,
                completed=progress.seconds,
                figures=_pace(progress, progress.seconds - first, now - began),
            )

        yield show


_now = time.monotonic
_STEPS = {
    "reading": "Reading",
    "waiting": "Waiting for the decoder of",
    "naming": "Putting together",
    "writing": "Writing",
}


def _pace(progress: "TimelineProgress", done: float, elapsed: float) -> str:
    """Return the time in a file, the speed in times of playing, and the time that is left."""
    if not progress.seconds:
        return ""
    parts = [clock(progress.seconds)]
    if progress.duration:
        parts[0] += f" of {clock(progress.duration)}"
    if progress.reused:
        parts.append(f"{clock(progress.reused)} re-used")
    if done > 0 and elapsed >= 1:
        speed = done / elapsed
        parts.append(f"{speed:.1f}x")
        if progress.duration:
            parts.append(f"{clock(max(0.0, progress.duration - progress.seconds) / speed)} left")
    return ", ".join(parts)


@contextmanager
def _without_bar(quiet: bool) -> Iterator[Callable[..., Any]]:
    """Call a function with its arguments, as one that prints or asks."""
    yield lambda function, *values: function(*values)


@contextmanager
def _labels_page(quiet: bool) -> Iterator["Callable[[Understood], None]"]:
    """Show a page in place of a bar."""
    yield (lambda found: None) if quiet else show_understood


@contextmanager
def train_bar(quiet: bool) -> Iterator["Callable[[EpochReport], None]"]:
    """Show the epochs of a training run, with their loss and accuracies."""
    with _bar(quiet, MofNCompleteColumn(), TextColumn("{task.fields[figures]}")) as bar:
        task = bar.add_task("Training", total=None, figures="")
        best, last = "", 0

        def show(epoch: "EpochReport") -> None:
            nonlocal best, last
            if epoch.epoch <= last:  # a second fit, to all clips
                bar.update(task, description="Training on all")
                best = ""
            last = epoch.epoch
            names = (("face_voice", "face+voice"), ("voice", "voice"), ("face", "face"))
            dev = ", ".join(f"{t} {epoch.dev[k]:.3f}" for k, t in names if k in epoch.dev)
            best = f"best: epoch {epoch.epoch}" if epoch.best and epoch.dev else best
            loss = f"loss {epoch.loss['total']:.3f}" if epoch.loss else ""
            parts = [loss, f"held out: {dev}" if dev else "", best]
            figures = ", ".join(part for part in parts if part)
            bar.update(task, total=epoch.epochs, completed=epoch.epoch, figures=figures)

        yield show


@contextmanager
def count_bar(title: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how many of a total are done."""
    with _bar(quiet, MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def download_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show the progress of each downloaded file; one line a file if stderr is not a terminal."""
    tasks: dict[str, Any] = {}
    told = download_lines(quiet or err().is_terminal)
    with _bar(quiet, DownloadColumn(), TimeRemainingColumn()) as bar:

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            told(name, done, total)
            bar.update(tasks[name], completed=done)

        yield show


def download_lines(quiet: bool) -> Callable[[str, int, int], None]:
    """Return a callback that says one line for each downloaded file, for commands that print meanwhile."""
    told: set[str] = set()

    def show(name: str, done: int, total: int) -> None:
        if name not in told and not quiet:
            say(f"fetching {name} ({total / 1e6:.0f} MB)")
        told.add(name)

    return show


def _bar(quiet: bool, *columns: Any) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=err(),
        disable=quiet or not sys.stderr.isatty(),
        transient=True,
    )
