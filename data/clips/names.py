"""Names of files and folders: as text that a table can hold, and two names of one file."""

import os
import re
from pathlib import Path

_ESCAPED = re.compile(rb"\\(\\|x[89a-f][0-9a-f])")


def as_text(name: str | os.PathLike[str]) -> str:
    """A name as UTF-8 text, most often as it is; two names never become one.

    In a name that is no UTF-8 a byte that does not fit is written as `\\xe9`, a backslash twice; so
    too in one that would look as if this had been done to it.
    """
    raw = os.fsencode(name)
    try:
        plain = raw.decode("utf-8")
    except UnicodeDecodeError:
        plain = None
    if plain is None or _ESCAPED.search(raw):
        return raw.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return plain


def as_name(text: str) -> str:
    """The name that `as_text` wrote as this text."""
    return os.fsdecode(
        _ESCAPED.sub(
            lambda m: b"\\" if m[1] == b"\\" else bytes.fromhex(m[1][1:].decode()),
            os.fsencode(text),
        )
    )


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, through links and `..` too; it may be gone by now."""
    try:
        return one.samefile(other)
    except OSError:  # a link to nothing is the same link all the same
        return os.path.realpath(one) == os.path.realpath(other)
