"""Observe a long file part by part; each finished part stays, and a second run goes on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mraf.data.clips.clip import HASHED_WHOLE
from mraf.data.table.lock import locked
from mraf.errors import MrafError
from mraf.extractors.media.limits import Limits, check_file
from mraf.extractors.media.tracks import Wish
from mraf.extractors.streaming.decoding.problems import merged
from mraf.extractors.streaming.parts import Observed
from mraf.pipeline.timeline.observation.filling import Filling
from mraf.pipeline.timeline.observation.observers import Observers
from mraf.pipeline.timeline.observation.parts_folder import PartsFolder
from mraf.pipeline.timeline.observation.progress import Progress
from mraf.pipeline.timeline.observation.stamp import check_unchanged, looked_at
from mraf.pipeline.workspace import Workspace

_FOLDER = "timelines"
"""Folder of a workspace that holds the parts of all files."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All parts of a file. Iterating reads them from disk, one after the other."""

    folder: Path
    count: int
    duration: float  # s, as the file really is
    notes: tuple[str, ...] = ()  # for people, as which of several tracks was read
    problems: tuple[str, ...] = ()  # what could not be decoded
    content: str = ""  # digest of what was in the file
    size: int = 0  # of the file, in bytes
    # Numbers, from 1, of the tracks of sound and picture that were read; None: there is none.
    tracks: tuple[int | None, int | None] = (None, None)
    reused: float = 0.0  # s that an earlier run has done
    _parts: PartsFolder

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Observed]:
        """Yield the parts in order. Raises MrafError where one was damaged since."""
        for index in range(self.count):
            try:
                yield self._parts.read(index)
            except (OSError, ValueError) as error:
                raise MrafError(
                    f"{self._parts.part(index)}: cannot be read ({error}). Run the command again: it is made anew."
                ) from None


def observe(
    path: Path,
    *,
    workspace: Workspace | Path | str | None,
    observers: Callable[[], Observers],
    made_by: str,
    wish: Wish = Wish(),
    limits: Limits = Limits(),
    on_progress: Callable[[Progress], None] | None = None,
    patience: float = 0.0,
    on_wait: Callable[[str], None] | None = None,
) -> Observation:
    """Observe a file in one pass, but for the parts that an earlier run has observed.

    The parts are found by the content of the file and by `made_by`; of a file of over 4 GiB, by pieces of its
    content and the time of its last change. Ctrl-C keeps those that are finished. Of a file that is still being
    written, what is there is read; when it has grown it is another file, whose parts replace those of before.
    Parts of which something was lost by a limit or by a fault of the machine are made anew, once, and the better one
    is kept.

    Args:
        path: of the file.
        workspace: whose folder `timelines` keeps the parts.
        observers: returns those of sound and picture; called only where there is something to observe.
        made_by: in words, the networks, their weights and versions: all that decides what is found.
        wish: the streams that are asked for.
        limits: on the file, on memory, and on the time that two seconds of the file may take to decode.
        on_progress: called for every two seconds of the file, and where the decoder gives nothing for half a minute.
        patience: seconds to wait for another run that observes the same file.
        on_wait: called with a line for people where that begins.

    Raises:
        MediaError: the file cannot be opened, or nothing of it can be decoded.
        BusyError: it is not there, it takes too long, or it was overwritten since its content was looked at.
        UsageError: another run observes the same file, or the workspace cannot be written.
    """
    check_file(path)
    stamp, digest = looked_at(path)
    made = f"{made_by} sound={wish.sound} picture={wish.picture}"
    if stamp.size > HASHED_WHOLE:  # of its content some pieces only
        made += f" changed={stamp.changed}"
    folder = PartsFolder(Workspace.at(workspace).root / _FOLDER, digest, made)
    with locked(folder.path, patience=patience, holder="`mraf timeline`", on_wait=on_wait):
        try:
            check_unchanged(path, stamp)
            folder.begin(path)
            filling = Filling(path, folder, observers, wish, limits, on_progress)
            whole = filling.fill(stamp, digest)
            return Observation(
                folder=folder.path,
                count=whole.parts,
                duration=whole.duration,
                notes=(*whole.notes, *filling.notes),
                problems=tuple(each.told() for each in merged([*filling.problems, *whole.at_end])),
                content=digest,
                size=stamp.size,
                tracks=whole.tracks or (None, None),
                reused=filling.reused,
                _parts=folder,
            )
        finally:
            folder.leave()
