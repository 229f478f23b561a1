"""The errors that mraf raises on purpose.

Every message names the file or value, says what was found and what was expected,
and gives the remedy. The command line prints the message without a traceback and
exits with the error's `exit_code`.

This module imports nothing heavy, so that every other module may use it.
"""

import difflib
import signal
from collections.abc import Iterable, Mapping
from types import MappingProxyType

SIGKILL = getattr(signal, "SIGKILL", 9)  # absent on Windows
KILLED = "was killed, perhaps for want of memory"
"""The words of `how_it_ended` for a process that the system killed."""


class MrafError(Exception):
    """Base of every error that mraf raises on purpose."""

    exit_code = 1
    problems: tuple[str, ...] = ()
    """All problems, where the message names only the first."""
    details: Mapping[str, object] = MappingProxyType({})
    """What a program wants to know of it, by the key in JSON."""


class UsageError(MrafError):
    """An unusable argument, option or input file."""

    exit_code = 2


class MissingError(MrafError):
    """Missing weights, features or model."""

    exit_code = 3


class MediaError(MrafError):
    """An unreadable clip: it becomes a marked row, and the run goes on."""


class BusyError(MediaError):
    """A clip that could not be read for want of time, memory or its file: the next run tries again."""


def choices(name: str, known: Iterable[str]) -> str:
    """Return the end of a message: the known names, and the one nearest to `name`."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"(there are: {', '.join(known) or 'none'}).{hint}"


def how_it_ended(exit_code: int | None) -> str:
    """Describe the end of a process; its exit code is negative where a signal ended it."""
    if exit_code == -SIGKILL:
        return KILLED
    if exit_code is None or exit_code >= 0:
        return f"ended with code {exit_code}"
    try:
        return f"crashed ({signal.Signals(-exit_code).name})"
    except ValueError:  # real-time signals have no names
        return f"crashed (signal {-exit_code})"
