"""CSV: the turns as a table, for spreadsheets and data frames."""

import csv
import io

from mraf.pipeline.timeline.timeline import Timeline

COLUMNS = (
    "start end seconds speaker unknown probability named_by overlap seen_speaking".split()
)  # times in seconds

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Of which the last four are the full-width forms, which spreadsheets of East Asia take for the same."""
_MARK = "\ufeff"
"""By which spreadsheets know that letters are in UTF-8; without it they show Urdu names as garbage."""


def table(timeline: Timeline) -> str:
    """Return the turns in CSV with a header, after a mark of UTF-8 (read it as `utf-8-sig`).

    A name that a spreadsheet would run as a formula gets `'` in front.
    """
    people = {person.name: person for person in timeline.people}
    out = io.StringIO(_MARK, newline="")
    out.seek(len(_MARK))
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for turn in timeline.turns:
        person = people[turn.speaker]
        probability = person.probability
        writer.writerow(
            [
                f"{turn.start:.3f}",
                f"{turn.end:.3f}",
                f"{turn.end - turn.start:.3f}",
                _safe(turn.speaker),
                _yes(person.unknown),
                "" if probability is None else f"{probability:.4f}",
                person.named_by or "",
                f"{turn.overlap:.3f}",
                _yes(turn.track is not None),
            ]
        )
    return out.getvalue()


def _safe(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA) else name


def _yes(value: bool) -> str:
    return "yes" if value else "no"
