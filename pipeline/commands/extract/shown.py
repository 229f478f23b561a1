"""What `mraf extract` shows of an extraction."""

from pathlib import Path
from typing import TYPE_CHECKING

from mraf.pipeline.answers.words import REASONS, reason_in_words
from mraf.pipeline.commands.terminal.output import count, escape, say, show, show_first

if TYPE_CHECKING:
    from mraf.pipeline.extraction.ray.connection import Cluster
    from mraf.pipeline.extraction.run import ExtractReport, Missing


def show_cluster(cluster: "Cluster") -> None:
    """Print the Ray cluster that an extraction works on."""
    where = "started on this machine" if cluster.is_own else f"cluster at {cluster.address}"
    gpus = f", {count(cluster.gpus, 'GPU')}" if cluster.gpus else ""
    say(f"Ray: {where}, {count(cluster.nodes, 'node')}, {count(cluster.cpus, 'core')}{gpus}")
    if cluster.dashboard:
        say(f"Dashboard: {cluster.dashboard}")


def show_extracted(report: "ExtractReport", folder: Path) -> None:
    """Print how many clips were embedded, and which of them lack a face or a voice."""
    show(
        f"{count(report.clips, 'clip')} in [bold]{escape(str(folder))}[/]: {report.embedded} new, "
        f"{report.reused} re-used, {report.seconds:.0f} s ({report.clips_per_second:.1f} clips/s)"
    )
    rows = report.clips - report.files_by_turns + report.turns
    if report.files_by_turns:
        show(
            f"  turns  {report.turns} in {count(report.files_by_turns, 'file')}: each is a row of the table"
        )
    for name, reasons in (("face", report.face_reasons), ("voice", report.voice_reasons)):
        found = rows - sum(reasons.values())
        detail = ", ".join(f"{n} {REASONS.get(r, r)}" for r, n in sorted(reasons.items()))
        show(f"  {name:<5}  {found} of {rows}" + (f"  ({detail})" if detail else ""))
    show(f"  by     {report.encoders}")
    if report.renamed:
        old, new = report.renamed[0]
        show(
            f"[yellow]{count(len(report.renamed), 'clip')} known under another name[/] now have the new "
            f"name and its speaker in the table (the first: {escape(old)} is now {escape(new)})."
        )
    if report.renamed_speakers:
        pairs = ", ".join(f"{old} is now {new}" for old, new in report.renamed_speakers.items())
        show(f"Speakers under the names that `mraf rename` gave them: {escape(pairs)}")
    if report.gone:
        clips = count(len(report.gone), "clip")
        show(
            f"[yellow]{clips} of the table {'is' if len(report.gone) == 1 else 'are'} gone from the disk[/] "
            f"(the first: {escape(report.gone[0])}) and will not train; `mraf features prune` removes "
            f"{'its row' if len(report.gone) == 1 else 'their rows'}."
        )
    if report.failed:
        show(f"[yellow]{len(report.failed)} could not be read:[/]")
        show_first(report.failed, lambda failure: f"{failure.clip}: {failure.error}")
    failed = {failure.clip for failure in report.failed}
    if missing := [each for each in report.missing if each.clip not in failed]:
        show(f"[yellow]{len(missing)} without a face or a voice:[/]")
        show_first(missing, _reasons_of)
    cut = [each for each in report.noted if each.turns]
    noted = [each for each in report.noted if not each.turns]
    for those, title in (
        (cut, "cut into turns"),
        (noted, "with a face and a voice, and something to know"),
    ):
        if those:
            show(f"{len(those)} {title}:")
            show_first(those, lambda each: f"{each.clip}: {each.note}")


def _reasons_of(missing: "Missing") -> str:
    """Return a line on what a clip lacks and why."""
    pairs = (("picture", missing.face), ("sound", missing.voice))
    # "cannot be read" does not say by itself which of the two it means.
    reasons = (
        f"{noun} {REASONS[r]}"
        if r == "decode_error"
        else reason_in_words(r, missing.seconds, missing.seconds_read)
        for noun, r in pairs
        if r
    )
    detail = f" ({missing.detail})" if missing.detail else ""
    return f"{missing.clip}: {'; '.join(reasons)}{detail}"
