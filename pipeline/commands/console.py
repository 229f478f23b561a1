"""What the command line shows to a person: tables on stdout, progress on stderr.

Only `cli.py` uses this module; the stages report by return values and callbacks.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import markup
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from mraf.json_text import finite
from mraf.pipeline.modes import MODES

if TYPE_CHECKING:
    from mraf.data.clips.manifest import Found
    from mraf.data.sample.make import SampleClip
    from mraf.network.loop import EpochReport
    from mraf.pipeline.evaluation import EvaluateReport
    from mraf.pipeline.extraction.ray.connection import Cluster
    from mraf.pipeline.extraction.run import ExtractProgress, ExtractReport, Missing
    from mraf.pipeline.identification import Evidence, Prediction
    from mraf.pipeline.training.report import TrainReport

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

REASONS = {
    "no_video": "no picture",
    "no_face": "no face found",
    "face_too_small": "face too small",
    "low_confidence": "no face found for certain",
    "no_audio": "no sound",
    "no_speech": "no speech heard",
    "speech_too_short": "less than 1 s of speech",
    "decode_error": "cannot be read",
}
SHOWN = 20
"""Clips of a summary that are named in text."""

_SETTINGS = {
    "P3": ("same language", "face + voice"),
    "P4": ("same language", "voice only"),
    "P5": ("other language", "face + voice"),
    "P6": ("other language", "voice only"),
}
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    print(as_json(value, indent=2))


def as_json(value: Any, indent: int | None = None) -> str:
    """JSON in UTF-8; all in ASCII where it holds the name of a file that is no UTF-8."""
    value = finite(value)
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, default=str)
    return text


def visible(text: str) -> str:
    """A text from outside with what a terminal would act on, or cannot show, as `\\n` or `\\x1b`."""
    return _UNSHOWN.sub(lambda found: _written(found[0]), text)


def _written(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return repr(character)[1:-1]


def escape(text: str) -> str:
    """A text from outside, as it can stand between rich's markup."""
    return markup.escape(visible(text))


def say(message: str) -> None:
    """A line for the person at the terminal, on stderr."""
    err.print(escape(message))


def joined(cluster: "Cluster") -> None:
    """The Ray cluster that an extraction works on."""
    where = "started on this machine" if cluster.is_own else f"cluster at {cluster.address}"
    gpus = f", {_count(cluster.gpus, 'GPU')}" if cluster.gpus else ""
    say(f"Ray: {where}, {_count(cluster.nodes, 'node')}, {_count(cluster.cpus, 'core')}{gpus}")
    if cluster.dashboard:
        say(f"Dashboard: {cluster.dashboard}")


def sampled(folder: Path, clips: "list[SampleClip]", seconds: float) -> None:
    """Summary of `mraf sample`."""
    speakers = len({clip.speaker for clip in clips})
    faceless = sum(clip.face != "seen" for clip in clips)
    silent = sum(clip.sound == "none" for clip in clips)
    out.print(
        f"{len(clips)} clips of {speakers} people who do not exist in [bold]{escape(str(folder))}[/] "
        f"({faceless} without a face to be found, {silent} without sound), {seconds:.0f} s"
    )


def extracted(report: "ExtractReport", folder: Path) -> None:
    """Summary of `mraf extract`."""
    out.print(
        f"{_count(report.clips, 'clip')} in [bold]{escape(str(folder))}[/]: {report.embedded} new, "
        f"{report.reused} re-used, {report.seconds:.0f} s ({report.clips_per_second:.1f} clips/s)"
    )
    for name, reasons in (("face", report.face_reasons), ("voice", report.voice_reasons)):
        found = report.clips - sum(reasons.values())
        detail = ", ".join(f"{n} {REASONS.get(r, r)}" for r, n in sorted(reasons.items()))
        out.print(f"  {name:<5}  {found} of {report.clips}" + (f"  ({detail})" if detail else ""))
    out.print(f"  by     {report.encoders}")
    if report.renamed:
        old, new = report.renamed[0]
        out.print(
            f"[yellow]{_count(len(report.renamed), 'clip')} known under another name[/] now stand under "
            f"the new one, with the speaker that this gives (the first: {escape(old)} is now "
            f"{escape(new)})."
        )
    if report.failed:
        out.print(f"[yellow]{len(report.failed)} could not be read:[/]")
        _first_lines(report.failed, lambda failure: f"{failure.clip}: {failure.error}")
    failed = {failure.clip for failure in report.failed}
    if missing := [each for each in report.missing if each.clip not in failed]:
        out.print(f"[yellow]{len(missing)} without a face or a voice:[/]")
        _first_lines(missing, _lack)


def beside(found: "Found") -> None:
    """What `mraf extract` found beside clips, and where it could not look."""
    if found.left_out:
        number = sum(found.left_out.values())
        kinds = [f"{escape(ending) or 'no ending'} {n}" for ending, n in found.left_out.items()]
        listed = ", ".join(kinds[:8]) + (", ..." if len(kinds) > 8 else "")
        are = "is" if number == 1 else "are"
        out.print(f"Left out: {_count(number, 'file')} that {are} no video or sound ({listed})")
    for folder, reason in found.unreadable:
        out.print(f"[yellow]{escape(folder)}: this folder cannot be listed ({escape(reason)})[/]")


def trained(report: "TrainReport") -> None:
    """Summary of `mraf train`."""
    out.print(
        f"Model [bold]{escape(report.model)}[/]: {report.speakers} speakers, {_count(report.samples, 'clip')}, "
        f"{f'epoch {report.epoch}, ' if report.epoch else ''}{report.seconds:.0f} s, "
        f"in {escape(str(report.folder))}"
    )
    if report.dev:
        figures = [
            f"{title} {report.dev[key]:.3f}"
            for key, title in (
                ("face_voice", "face + voice"),
                ("voice", "voice only"),
                ("face", "face only"),
            )
            if key in report.dev
        ]
        out.print(f"  {_count(report.heldout, 'held-out clip')} named right: {', '.join(figures)}")
        if report.calibration:
            after, before = (report.calibration[name] for name in ("after", "before"))
            out.print(f"  calibration error {after:.3f} ({before:.3f} before it was calibrated)")
    for note in report.notes:
        out.print(f"  [yellow]note[/] {escape(note)}")


def evaluated(report: "EvaluateReport") -> None:
    """Table of `mraf evaluate`."""
    languages = {
        "same language": ", ".join(name or "unnamed" for name in report.train_languages),
        "other language": ", ".join(name or "unnamed" for name in report.other_languages) or "-",
    }
    title = f"{report.model}, mode {report.mode}: {MODES[report.mode]}"
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for column in ("", "Language", "Seen and heard"):
        table.add_column(column)
    table.add_column("Accuracy", justify="right")
    table.add_column("Clips", justify="right")
    for name, (language, modality) in _SETTINGS.items():
        setting = report.settings[name]
        shown = f"{language} ({languages[language]})"
        table.add_row(name, escape(shown), modality, _accuracy(setting.accuracy), str(setting.n))
    table.add_row("mean", "", "", _accuracy(report.mean), "", end_section=True)
    for name, setting in report.more.items():
        table.add_row("", escape(name), "", _accuracy(setting.accuracy), str(setting.n))
    out.print(table)
    out.print("Measured on clips that did not train the model.")
    for note in report.notes:
        out.print(f"  [yellow]note[/] {escape(note)}")
    if report.unknown_speakers:
        left_out = _count(report.unknown_speakers, "clip")
        out.print(f"  [yellow]note[/] {left_out} of speakers it does not know: left out.")
    if not report.other_languages:
        out.print(
            "No clip in another language: P5 and P6 need a model trained with --language on one of two."
        )


def identified(prediction: "Prediction") -> None:
    """One clip of `mraf identify`."""
    head = f"[bold]{escape(prediction.path)}[/]"
    if prediction.speaker is None:
        unread = "decode_error" in (prediction.face.reason, prediction.voice.reason)
        why = prediction.error if unread else "there is neither face nor voice in it"
        out.print(f"{head}\n  [yellow]not identified[/]: {escape(why or '')}")
        if not unread:
            out.print(f"  face   {_evidence(prediction.face)}")
            out.print(f"  voice  {_evidence(prediction.voice)}")
        out.print()
        return
    first, *others = prediction.candidates
    out.print(f"{head}\n  [green bold]{escape(first.speaker)}[/]  {first.probability:.1%}")
    if others:
        rest = ", ".join(f"{escape(c.speaker)} {c.probability:.1%}" for c in others)
        out.print(f"  then   {rest}")
    out.print(f"  face   {_evidence(prediction.face)}\n  voice  {_evidence(prediction.voice)}\n")


def weights_table(found: "dict[str, Path | None]") -> None:
    """Table of `mraf weights list`."""
    from mraf.extractors.weights import PUBLISHED

    lines = [
        (
            name,
            file.filename,
            f"{file.size / 1e6:.0f} MB",
            file.licence,
            str(found[name] or "not here"),
        )
        for name, file in PUBLISHED.items()
    ]
    rows("Published weights", ("Encoder", "File", "Size", "Licence", "Path"), lines)


def rows(title: str, header: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> None:
    """A plain table."""
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in header:
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(*(escape(cell) for cell in line))
    out.print(table)


@contextmanager
def extract_bar(quiet: bool) -> Iterator["Callable[[ExtractProgress], None]"]:
    """The progress bar of an extraction, on a terminal only."""
    text = "{task.fields[speed]} clips/s, {task.fields[lost]}"
    with _progress(quiet, MofNCompleteColumn(), TextColumn(text), TimeRemainingColumn()) as bar:
        task = bar.add_task("Extracting", total=None, speed="-", lost="starting")

        def show(progress: "ExtractProgress") -> None:
            lost = f"{progress.face_missing} without face, {progress.voice_missing} without voice"
            lost += f", {progress.failed} failed" if progress.failed else ""
            speed = bar.tasks[task].finished_speed or bar.tasks[task].speed
            bar.update(
                task,
                total=progress.clips,
                description="Reading" if progress.hashed else "Extracting",
                completed=progress.hashed or progress.done,
                speed=f"{speed:.1f}" if speed else "-",
                lost=lost,
            )

        yield show


@contextmanager
def train_line(quiet: bool) -> Iterator["Callable[[EpochReport], None]"]:
    """The live line of a training run, on a terminal only."""
    with _progress(quiet, MofNCompleteColumn(), TextColumn("{task.fields[figures]}")) as bar:
        task = bar.add_task("Training", total=None, figures="")
        best = ""

        def show(epoch: "EpochReport") -> None:
            nonlocal best
            names = (("face_voice", "face+voice"), ("voice", "voice"), ("face", "face"))
            dev = ", ".join(f"{t} {epoch.dev[k]:.3f}" for k, t in names if k in epoch.dev)
            best = f"best: epoch {epoch.epoch}" if epoch.best else best
            loss = f"loss {epoch.loss['total']:.3f}" if epoch.loss else ""
            parts = [loss, f"held out: {dev}" if dev else "", best]
            figures = ", ".join(part for part in parts if part)
            bar.update(task, total=epoch.epochs, completed=epoch.epoch, figures=figures)

        yield show


@contextmanager
def count_bar(title: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar for anything that counts, on a terminal only."""
    with _progress(quiet, MofNCompleteColumn(), TimeRemainingColumn()) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def download_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for downloads, on a terminal only; elsewhere one line for each file."""
    tasks: dict[str, Any] = {}
    with _progress(quiet, DownloadColumn(), TimeRemainingColumn()) as bar:

        def show(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
                if not quiet and not err.is_terminal:
                    say(f"fetching {name} ({total / 1e6:.0f} MB)")
            bar.update(tasks[name], completed=done)

        yield show


def _progress(quiet: bool, *columns: Any) -> Progress:
    shown = not quiet and sys.stderr.isatty()
    description = TextColumn("{task.description}")
    return Progress(
        description, BarColumn(), *columns, console=err, disable=not shown, transient=True
    )


def _accuracy(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _evidence(evidence: "Evidence") -> str:
    if not evidence.present:
        return f"missing: {REASONS.get(evidence.reason or '', evidence.reason)}"
    measure = (
        f"in {evidence.frames} frame{'s' if evidence.frames != 1 else ''}"
        if evidence.frames is not None
        else f"{evidence.seconds:.1f} s of speech"
    )
    return f"weight {evidence.weight:.2f}, {measure}"


def _first_lines(clips: Sequence[Any], line_of: Callable[[Any], str]) -> None:
    """A line each for the first of a list of clips that may be long."""
    for clip in clips[:SHOWN]:
        out.print(f"  {escape(line_of(clip))}")
    if len(clips) > SHOWN:
        out.print(f"  ... and {len(clips) - SHOWN} more (all with --json)")


def _lack(missing: "Missing") -> str:
    """What a clip lacks, in words."""
    pairs = (("picture", missing.face), ("sound", missing.voice))
    # That it cannot be read does not say by itself which of the two it is.
    named = (
        f"{n} {REASONS[r]}" if r == "decode_error" else REASONS.get(r, r) for n, r in pairs if r
    )
    detail = f" ({missing.detail})" if missing.detail else ""
    return f"{missing.clip}: {'; '.join(named)}{detail}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
