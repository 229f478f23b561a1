"""The timelines of many files, without keeping them all in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from mraf.pipeline.timeline.timeline import Timeline


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """A timeline that its folder of outputs holds."""

    folder: Path
    path: str  # of its file


class Timelines(Sequence[Timeline]):
    """Timelines, each read from its `timeline.json` when it is asked for; the last one is kept.

    A correction that was made since is in them. Asking for one raises MissingError or UsageError where its
    `timeline.json` has gone or was damaged.
    """

    def __init__(self) -> None:
        self._all: list[Timeline | _Stored] = []
        self._last: tuple[int, Timeline] | None = None

    def add(self, timeline: Timeline, folder: Path | None) -> None:
        """Append a timeline.

        Args:
            timeline: of a file.
            folder: that holds it; None: it was not written, and is kept.
        """
        if folder is None:
            self._all.append(timeline)
        else:
            self._last = (len(self._all), timeline)
            self._all.append(_Stored(folder=folder.absolute(), path=timeline.path))

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> Timeline: ...
    @overload
    def __getitem__(self, index: slice) -> list[Timeline]: ...
    def __getitem__(self, index: int | slice) -> Timeline | list[Timeline]:
        if isinstance(index, slice):
            return [self._at(i) for i in range(len(self))[index]]
        return self._at(range(len(self))[index])

    def _at(self, index: int) -> Timeline:
        from mraf.pipeline.timeline.outputs.write import read

        found = self._all[index]
        if isinstance(found, Timeline):
            return found
        if self._last is None or self._last[0] != index:
            self._last = (index, replace(read(found.folder), path=found.path))
        return self._last[1]
