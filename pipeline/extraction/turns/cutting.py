"""The work of a worker on files that are cut into turns."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mraf.data.table.features import FeatureRow
from mraf.errors import BusyError, MediaError
from mraf.pipeline.extraction.hashing import Job
from mraf.pipeline.extraction.turns.features import turn_rows
from mraf.pipeline.extraction.turns.options import SetUp, TurnOptions, TurnsOf
from mraf.pipeline.extraction.turns.telling import tell


@dataclass(frozen=True, kw_only=True)
class Cut:
    """The rows of a file that was looked through for turns: at least one, which may be of the whole file."""

    rows: tuple[FeatureRow, ...]


Found = FeatureRow | Cut | MediaError
"""The rows of a clip, or why it cannot be read."""
Whole = Callable[[list[Job]], list[Found]]
"""Embeds clips as one row each."""


@dataclass(frozen=True, kw_only=True)
class Underway:
    """How far a worker is with a file."""

    clip: str
    done: float  # s
    seconds: float | None  # in all, where it is known
    waiting: str | None = None  # what it waits for, in words; None: it is at work


class Cutter:
    """Embeds clips, and cuts those into turns that are long, or all of them.

    Args:
        options: of the turns.
        load: loads the networks, when there is the first file to cut.
    """

    def __init__(self, options: TurnOptions, load: Callable[[SetUp], TurnsOf]) -> None:
        self._options, self._load = options, load
        self._turns_of: TurnsOf | None = None

    def __call__(self, jobs: list[Job], whole: Whole) -> list[Found]:
        """Return the row or the turns of each clip, or why it cannot be read."""
        always = self._options.always
        results: dict[int, Found] = {}
        later = [i for i, job in enumerate(jobs) if not (always and self._options.is_for(job.clip))]
        for i, found in zip(later, whole([jobs[i] for i in later]) if later else [], strict=True):
            results[i] = self._long(jobs[i], found)
        for i, job in enumerate(jobs):
            if i not in results:
                results[i] = self._cut(job, lambda job=job: whole([job])[0])  # type: ignore[misc]
        return [results[i] for i in range(len(jobs))]

    def _long(self, job: Job, found: Found) -> Found:
        """Return the turns of a clip that was embedded whole, if it is long; else its row."""
        if (
            not isinstance(found, FeatureRow)
            or job.clip.start is not None
            or job.clip.end is not None
        ):
            return found
        if not self._options.is_for(job.clip):
            return Cut(rows=(found,)) if self._options.always or found.seconds_read else found
        return found if found.seconds_read is None else self._cut(job, lambda: found)

    def _cut(self, job: Job, whole: Callable[[], Found]) -> Found:
        """Return the turns of a clip; where it has none, its row as a whole, and why."""
        if self._turns_of is None:
            assert self._options.set_up is not None
            self._turns_of = self._load(self._options.set_up)
        try:
            found = self._turns_of(
                job.clip,
                job.digest,
                lambda done, seconds: tell(Underway(clip=job.clip.id, done=done, seconds=seconds)),
            )
        except BusyError as error:  # the next run tries it again
            return error
        except MediaError as error:
            return _instead(whole(), f"not cut into turns: {error}")
        rows = turn_rows(job.clip, found)
        if not rows:
            return _instead(whole(), "; ".join(("nobody is heard for long", *found.notes)))
        return Cut(rows=(replace(rows[0], note="; ".join(found.notes) or None), *rows[1:]))


def _instead(row: Found, note: str) -> Found:
    if not isinstance(row, FeatureRow):
        return row
    return Cut(rows=(replace(row, note="; ".join(filter(None, (note, row.note)))),))
