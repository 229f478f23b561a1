"""Removal of rows: of clips whose files are gone, and of clips by their ids."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mraf.data.table.renames import plain
from mraf.data.table.row import file_id
from mraf.errors import UsageError
from mraf.pipeline.upkeep.disk import look
from mraf.pipeline.workspace import Workspace

FEW = 20
"""Clips that are removed without a question, though they be most of the table."""

_COMPARED = 20_000
"""Ids that an unknown one is compared with letter by letter, which takes time."""


@dataclass(frozen=True, kw_only=True)
class PruneReport:
    """The result of `prune`."""

    removed: tuple[str, ...]  # ids
    clips: int  # that stay
    unreachable: tuple[str, ...]  # ids of clips that cannot be looked for, and stay
    folder: str | None  # that most of these were found in

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf features prune --json` prints."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class DropReport:
    """The result of `drop`."""

    dropped: tuple[str, ...]  # ids
    clips: int  # that stay


def prune(workspace: Workspace | Path | str | None = None, *, force: bool = False) -> PruneReport:
    """Remove the rows of clips whose file is gone (see `mraf.data.table.presence`).

    Args:
        workspace: a folder, by default `./mraf-workspace`.
        force: remove the rows of clips too of whose folders nothing is left, as of a drive that is not
            mounted, and do so where most of the table would go. Clips on a drive that does not
            answer stay.

    Raises:
        MissingError: there is no table.
        UsageError: most of its clips are gone, or another run writes to it.
    """
    table = Workspace.at(workspace).table
    disk = look(table)
    wanted = (*disk.gone, *disk.away) if force else disk.gone
    total = len(disk.rows) + len(disk.gone)
    if not force and len(wanted) > max(FEW, total // 2):
        raise UsageError(
            f"{table.folder}: the files of {len(wanted)} of {total} clips are gone, which is most of them. "
            "Is a drive not mounted, or a folder moved? If they are gone for good, say --force."
        )
    if wanted:
        table.drop(wanted)
    return PruneReport(
        removed=tuple(sorted(wanted)),
        clips=total - len(wanted),
        unreachable=tuple(sorted(disk.silent if force else (*disk.away, *disk.silent))),
        folder=disk.folder,
    )


def drop(clips: Iterable[str], workspace: Workspace | Path | str | None = None) -> DropReport:
    """Remove rows by the ids of their clips, or files with all their turns; the files stay.

    Raises MissingError where there is no table; UsageError where an id is not in it, and then
    nothing is removed.
    """
    table = Workspace.at(workspace).table
    columns = table.read(["clip", "turn_of", "start", "end"]).to_pydict()
    known, ids = columns["clip"], set(columns["clip"])
    turns: dict[str, list[str]] = defaultdict(list)
    for row in zip(*columns.values(), strict=True):
        turns[file_id(*row)].append(row[0])
    asked = list(dict.fromkeys(clips))
    wanted = list(dict.fromkeys(each for clip in asked for each in turns.get(clip, [clip])))
    if unknown := [clip for clip in wanted if clip not in ids]:
        hints = "; ".join(f"'{clip}'{_nearest(clip, known)}" for clip in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        raise UsageError(
            f"{table.folder}: no clip {hints}{more}. Nothing was removed; `mraf features export` lists "
            "the ids."
        )
    return DropReport(dropped=tuple(wanted), clips=len(known) - table.drop(wanted))


def _nearest(clip: str, known: Sequence[str]) -> str:
    """Return a hint at the ids that are like one that is not known."""
    text = plain(clip).casefold()
    near = [each for each in known if plain(each).casefold().endswith(f"/{text.lstrip('/')}")]
    near += [each for each in known if plain(each).casefold() == text]
    if not near:
        near = difflib.get_close_matches(clip, known[:_COMPARED], 3, 0.6)
    return f" (did you mean {' or '.join(repr(each) for each in near[:3])}?)" if near else ""
