"""Table of the shares of known people and of strangers that get a name."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mraf.pipeline.commands.terminal.output import new_table, show

if TYPE_CHECKING:
    from mraf.pipeline.recognition.rates import OpenSet

SEEN_AND_HEARD = {"face_voice": "face + voice", "voice": "voice only", "face": "face only"}

_TITLES = {
    "model": "Known people and strangers: new clips, each alone, by the model (in %)",
    "cross_validation": "Known people and strangers: training clips, speakers left out in turn (in %)",
}


def show_open_set(found: "Mapping[str, Mapping[str, OpenSet]]") -> None:
    """Print a table for each source: shares at the model's own threshold."""
    for source, some in found.items():
        table = new_table(
            _TITLES[source],
            "Seen and heard",
            numbers=(
                "Right",
                "Wrong",
                "Unknown",
                "Clips (people)",
                "Strangers named",
                "Clips (people)",
            ),
        )
        table.columns[0].min_width = max(map(len, SEEN_AND_HEARD.values()))
        for name, each in some.items():
            table.add_row(SEEN_AND_HEARD[name], *_known(each), *_strangers(each))
        show(table)


def _known(each: "OpenSet") -> list[str]:
    if each.known is None:
        return ["-"] * 4
    shares = (each.known.right, each.known.wrong, each.known.unknown)
    return [*map(_percent, shares), f"{each.known.clips:,} ({each.known.speakers:,})"]


def _strangers(each: "OpenSet") -> list[str]:
    if each.strangers is None:
        return ["-"] * 2
    number = f"{each.strangers.clips:,} ({each.strangers.speakers:,})"
    error = "" if each.error is None else f" ±{100 * each.error:.1f}"
    return [_percent(each.strangers.named) + error, number]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"
