"""Text, tables and JSON on stdout, messages on stderr.

rich takes a while to import, so that only the functions import it.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from mraf.json_text import finite

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LISTED = 20


@cache
def out() -> "Console":
    """Return the console of stdout."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


@cache
def err() -> "Console":
    """Return the console of stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def show(content: "str | Table" = "") -> None:
    """Print a table, or text with rich's markup, on stdout."""
    out().print(content)


def say(message: str) -> None:
    """Print a message on stderr."""
    err().print(escape(message))


def show_notes(notes: Sequence[str]) -> None:
    """Print a line for each note."""
    for note in notes:
        show(f"  [yellow]note[/] {escape(note)}")


def show_first(items: Sequence[Any], line_of: Callable[[Any], str]) -> None:
    """Print a line for each of the first items of a list that may be long."""
    for item in items[:_LISTED]:
        show(f"  {escape(line_of(item))}")
    if len(items) > _LISTED:
        show(f"  ... and {len(items) - _LISTED} more (all with --json)")


def new_table(title: str, *columns: str, numbers: Sequence[str] = ()) -> "Table":
    """Return a table without rows: `columns` on the left, then `numbers`, aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for name in columns:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right")
    return table


def show_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of text."""
    table = new_table(title, *columns)
    for row in rows:
        table.add_row(*map(escape, row))
    show(table)


def print_json(value: Any) -> None:
    """Print one JSON object on stdout; `value` is a dictionary or a dataclass."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    print(as_json(value, indent=2))


def as_json(value: Any, indent: int | None = None) -> str:
    """Return JSON, with null for NaN and infinity.

    The text is UTF-8, or ASCII where a name in it is not valid UTF-8.
    """
    value = finite(value)
    text = json.dumps(value, indent=indent, ensure_ascii=False, default=str, allow_nan=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent, default=str, allow_nan=False)
    return text


def visible(text: str) -> str:
    """Return text with control characters and invalid bytes written out, as in `\\n` or `\\xff`."""
    return _UNPRINTABLE.sub(lambda match: _written_out(match[0]), text)


def _written_out(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a name that is not valid UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return repr(character)[1:-1]


def escape(text: str) -> str:
    """Return text that the terminal shows as it is, inside rich's markup too."""
    from rich import markup

    return markup.escape(visible(text))


def count(number: int, noun: str) -> str:
    """Return a number and a noun, the noun in the plural unless the number is 1."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clock(seconds: float) -> str:
    """Return a length of time as players show it: `2:03` or `1:02:03`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
