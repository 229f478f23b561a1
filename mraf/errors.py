"""The errors that mraf raises on purpose.

Every message says which file or value, what was found, what was expected and
what to do. The command line prints the message without a traceback and exits
with the error's `exit_code`.

This module imports nothing heavy, so that every part of the house may use it.
"""

import difflib
import signal
from collections.abc import Iterable

KILLED = "was killed, perhaps for want of memory"
"""What `how_it_ended` says of a process that the system killed."""


class MrafError(Exception):
    """Base of every error that mraf raises on purpose."""

    exit_code = 1


class UsageError(MrafError):
    """An argument, an option or an input file that cannot be used as it is."""

    exit_code = 2


class MissingError(MrafError):
    """Something needed is not there: weights, features, a model."""

    exit_code = 3


class MediaError(MrafError):
    """One clip that cannot be read; it becomes a marked row and the run goes on."""


class BusyError(MediaError):
    """A clip that was not read for want of time or memory of the machine: the next run tries again."""


def choices(name: str, known: Iterable[str]) -> str:
    """What there is, and the nearest to `name`, for the end of a message."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"(there are: {', '.join(known) or 'none'}).{hint}"


def how_it_ended(exit_code: int | None) -> str:
    """What became of a process, for messages: the exit code is negative where a signal ended it."""
    if exit_code == -signal.SIGKILL:
        return KILLED
    if exit_code is None or exit_code >= 0:
        return f"ended with code {exit_code}"
    try:
        return f"crashed ({signal.Signals(-exit_code).name})"
    except ValueError:  # real-time signals have no names
        return f"crashed (signal {-exit_code})"
