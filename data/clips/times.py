"""Times as people write them: seconds, `m:ss` and `h:mm:ss`."""

import re

from mraf.errors import UsageError

_SECONDS = re.compile(r"\d{1,9}([.,]\d{0,9})?|[.,]\d{1,9}")
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,2}(?:[.,]\d{0,9})?)")


def seconds_of(text: str, what: str) -> float:
    """Return a time in seconds: `12.5`, `12.5 s`, `2:03` or `1:02:03.5`; a comma may stand for the point.

    `what` begins the message of an error, as "m.csv, line 2: the start". Raises UsageError.
    """
    plain = text.strip().lower()
    plain = re.sub(r"\s*(s|sec|seconds)$", "", plain)
    if _SECONDS.fullmatch(plain):
        return float(plain.replace(",", "."))
    if clock := _CLOCK.fullmatch(plain):
        hours, minutes = int(clock[1] or 0), int(clock[2])
        seconds = float(clock[3].replace(",", "."))
        # Without hours, 75:30 is more than an hour; with them, minutes end at 59.
        if seconds < 60 and (clock[1] is None or minutes < 60):
            return 3600 * hours + 60 * minutes + seconds
    raise UsageError(
        f"{what} '{text[:60]}' is no time: give seconds (12.5), m:ss (2:03) or h:mm:ss (1:02:03.5)."
    )


def part_of_id(start: float | None, end: float | None) -> str:
    """Return the end of the id of a part of a file, `#12.5-30`; nothing for the whole file."""
    if start is None and end is None:
        return ""
    return f"#{_short(start or 0.0)}-{'' if end is None else _short(end)}"


def _short(seconds: float) -> str:
    text = f"{seconds:.6f}"
    return text.rstrip("0").rstrip(".")
