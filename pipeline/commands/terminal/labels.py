"""The page that shows what was understood of the labels of clips."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from mraf.pipeline.commands.terminal.output import count, escape, show

if TYPE_CHECKING:
    from mraf.data.clips.labels.understood import Understood

_NAMES, _KINDS, _LAYOUTS = 8, 8, 3


def show_understood(found: "Understood") -> None:
    """Print numbers, names, examples and warnings."""
    said = [
        f"[bold]{count(found.clips, 'clip')}[/]",
        count(len(found.speakers), "speaker"),
        count(len(found.languages), "language"),
        count(found.recordings, "recording"),
    ]
    show(", ".join(said) + ("" if found.all_found else " found so far (still looking)"))
    for title, names in (("speakers", found.speakers), ("languages", found.languages)):
        if names:
            show(f"  {title:<10} {escape(_listed(names, _NAMES))}")
    if found.layouts:
        show(f"  {'read as':<10} {escape(_listed(found.layouts, _LAYOUTS))}")
    for example in found.examples:
        labels = (
            f"{name} {value}"
            for name, value in (
                ("speaker", example.speaker),
                ("language", example.language),
                ("recording", example.recording),
            )
            if value
        )
        show(
            f"  {'such as':<10} {escape(example.path)} -> {escape(', '.join(labels) or 'no label')}"
        )
    show_warnings(found.warnings)


def show_warnings(warnings: Sequence[str]) -> None:
    """Print a line for each warning."""
    for warning in warnings:
        show(f"[yellow]warning[/] {escape(warning)}")


def show_left_out(
    others: Mapping[str, int], aside: Mapping[str, int], unreadable: Mapping[str, str]
) -> None:
    """Print the number of files that are not clips, and the folders that cannot be listed.

    Args:
        others: number of files by ending that are no video or sound.
        aside: number of files and folders by what they are, such as `@eaDir`.
        unreadable: reason by folder.
    """
    if others:
        number = sum(others.values())
        kinds = [f"{escape(ending) or 'no ending'} {n}" for ending, n in others.items()]
        verb = "is" if number == 1 else "are"
        listed = _listed(kinds, _KINDS)
        show(f"Left out: {count(number, 'file')} that {verb} no video or sound ({listed})")
    if aside:
        show(f"Left out: {', '.join(f'{escape(what)} {n}' for what, n in aside.items())}")
    for folder, reason in unreadable.items():
        show(f"[yellow]{escape(folder)}: this folder cannot be listed ({escape(reason)})[/]")


def _listed(names: Collection[str], number: int) -> str:
    return ", ".join([*names][:number]) + (", ..." if len(names) > number else "")
