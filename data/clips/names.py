"""Names of files and folders: as UTF-8 text and back, as labels, and two names of one file."""

import os
import re
import unicodedata
from pathlib import Path

_ESCAPED = re.compile(rb"\\(\\|x[89a-f][0-9a-f])")


def as_text(name: str | os.PathLike[str]) -> str:
    """Return a name as UTF-8 text; different names give different texts.

    A valid UTF-8 name stays as it is. In any other name, an invalid byte is written as `\\xe9` and a
    backslash is doubled; so too in a valid name that looks as if it were escaped.
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
    """Return the name of which `as_text` made this text."""
    return os.fsdecode(
        _ESCAPED.sub(
            lambda m: b"\\" if m[1] == b"\\" else bytes.fromhex(m[1][1:].decode()),
            os.fsencode(text),
        )
    )


def is_same_file(one: Path, other: Path) -> bool:
    """Return True where two paths lead to the same file, through links and `..` too."""
    try:
        return one.samefile(other)
    except OSError:  # the file does not exist: a broken link still equals itself
        return os.path.realpath(one) == os.path.realpath(other)


def as_label(name: str | os.PathLike[str]) -> str:
    """Return the label that a name stands for: the text in Unicode NFC, without space around it.

    macOS writes names in NFD, others in NFC: both give the same label.
    """
    return tidy(as_text(name))


def tidy(text: str) -> str:
    """Return text in Unicode NFC, without space around it."""
    return unicodedata.normalize("NFC", text).strip() or text


def look_alike(name: str) -> str:
    """Return what names have in common that differ in case, spaces, underscores or accents alone."""
    text = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name.casefold())
        if not ("\u0300" <= letter <= "\u036f" or letter.isspace() or letter in "_-.'’\u200c\u200d")
    )
    return text or name
