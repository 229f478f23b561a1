"""Presence of the files that the rows of a table were made from.

A clip is *gone* where its file is not there, while the folder that was searched for it still holds
another clip of the table. That folder is the one that the clip's id starts from: of `ann/v1/1.mp4`, the
folder that holds `ann`; where the id does not say, the folder above the clip's own. If it holds no clip
of the table any more, or cannot be asked, the clip is *out of reach*: the drive may not be mounted, or
the table may have been copied from another machine, and nothing is concluded.
"""

import os
import queue
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from functools import lru_cache
from pathlib import PurePath
from typing import NamedTuple

from mraf.data.clips.names import as_name

LOOK_SECONDS = 30.0
"""Time that drives have to answer for one more folder; what has not been answered then is out of reach."""

_DRIVES, _THREADS = 16, 4
"""Groups of folders, by drive as far as the paths tell, and threads of each: one that hangs stops no other."""

_COMMON = frozenset({"/home", "/Users", "/mnt", "/media", "/run/media", "/Volumes"})
"""Folders of other people's folders and of drives: what is in one of them says nothing of the others."""

_BY_USER = frozenset({"/media", "/run/media"})
"""Of these, the folders that hold a folder of drives for each person."""


class State(IntEnum):
    """What is known of a clip's file."""

    there = 0
    gone = 1
    away = 2  # neither the file nor another clip of its folders is there
    silent = 3  # its drive does not answer, refuses, or a link leads nowhere


class _Answer(NamedTuple):
    states: list[State]  # of the names asked for; `gone` where one is not there
    is_empty: bool  # the folder is there and holds nothing


def states_of(
    clips: Sequence[str],
    paths: Sequence[str],
    *,
    holding: Iterable[str] = (),
    patience: float | None = None,
) -> list[State]:
    """Look for the files of clips, one listing a folder, and drives side by side.

    Args:
        clips: [N], their ids.
        paths: [N], as the table stores them. One that is not absolute is not looked for, and counts as
            there: imported features name files that were never here.
        holding: other folders that are known to hold clips of the table.
        patience: seconds without any answer after which the others count as silent.
    """
    states = [State.there] * len(paths)
    rows: dict[str, list[int]] = defaultdict(list)
    for row, path in enumerate(paths):
        if os.path.isabs(path):  # noqa: PTH117  # faster than Path, for many rows
            rows[os.path.split(path)[0]].append(row)
    names = {f: [os.path.split(paths[row])[1] for row in rows[f]] for f in rows}
    answers = _ask(names, LOOK_SECONDS if patience is None else patience)
    held = set(with_parents(holding))
    for folder, answer in answers.items():
        if State.there in answer.states:
            held.update(with_parents([folder]))
    for folder, numbers in rows.items():
        answer = answers.get(folder) or _Answer([State.silent] * len(numbers), False)
        for row, state in zip(numbers, answer.states, strict=True):
            states[row] = state
            if state == State.gone and not _is_witnessed(clips[row], paths[row], answer, held):
                states[row] = State.away
    return states


def searched_folder(clip: str, path: str) -> tuple[str, bool]:
    """Return the folder that was searched for a clip, and True where its id tells which it is."""
    own, name = os.path.split(path)
    *folders, last = clip.split("/")
    is_like = bool(folders) and _plain(last).startswith(_plain(name))
    return _searched(own, len(folders) if is_like else 0)


@lru_cache(maxsize=1 << 16)  # the clips of a folder have the same
def _searched(own: str, depth: int) -> tuple[str, bool]:
    """Return `searched_folder` of the clips in a folder, whose ids name it and `depth - 1` above it."""
    parents = PurePath(own).parents
    for root in parents[depth - 1 : depth] if depth else ():
        if not _is_common(root):
            return str(root), True
    above = PurePath(own).parent
    is_common = _is_common(above) or str(above.parent) in _BY_USER
    return (own, True) if is_common else (str(above), False)


def _is_witnessed(clip: str, path: str, answer: _Answer, held: set[str]) -> bool:
    """Return True where the folder that was searched for a clip still holds another."""
    folder, is_told = searched_folder(clip, path)
    # A drive that is not mounted leaves an empty folder; the one above it need not be the clips'.
    return folder in held and (is_told or not answer.is_empty)


def _is_common(folder: PurePath) -> bool:
    return str(folder) in _COMMON or (folder == folder.parent and os.sep == "/")


def _plain(name: str) -> str:
    if name.isascii():
        return name.strip().casefold()
    return unicodedata.normalize("NFC", name).strip().casefold()


def with_parents(folders: Iterable[str]) -> Iterator[str]:
    """Yield folders and all folders above them."""
    for folder in folders:
        yield folder
        yield from map(str, PurePath(folder).parents)


def _ask(names: Mapping[str, Sequence[str]], patience: float) -> dict[str, _Answer]:
    """Return the answers of folders to whether they hold some names; none of a drive that hangs."""
    drives: dict[tuple[str, ...], int] = {}
    todo: dict[int, queue.SimpleQueue[str]] = defaultdict(queue.SimpleQueue)
    for folder in names:
        drive = tuple(folder.split(os.sep, 4)[:4])
        todo[drives.setdefault(drive, len(drives) % _DRIVES)].put(folder)
    answers: queue.SimpleQueue[tuple[str, _Answer]] = queue.SimpleQueue()
    is_over = threading.Event()

    def work(folders: "queue.SimpleQueue[str]") -> None:
        while not is_over.is_set():
            try:
                folder = folders.get_nowait()
            except queue.Empty:
                return
            answers.put((folder, _answer(as_name(folder), [as_name(n) for n in names[folder]])))

    for folders in todo.values():
        for _ in range(min(_THREADS, folders.qsize())):
            # Not an executor's threads, for which the interpreter would wait at its end.
            threading.Thread(target=work, args=(folders,), daemon=True).start()
    found: dict[str, _Answer] = {}
    while len(found) < len(names):
        try:
            folder, answer = answers.get(timeout=patience)
        except queue.Empty:
            break
        found[folder] = answer
    is_over.set()
    return found


def _answer(folder: str, names: Sequence[str]) -> _Answer:
    try:
        with os.scandir(folder) as entries:
            found = {entry.name: entry.is_symlink() for entry in entries}
    except (FileNotFoundError, NotADirectoryError, ValueError):
        state = State.silent if _ends_in_a_link(folder) else State.gone
        return _Answer([state] * len(names), False)
    except OSError:
        return _Answer([State.silent] * len(names), False)
    # A name that is not listed may still lead to the file where case or Unicode form do not count.
    return _Answer(
        [
            State.there if found.get(name) is False else _state(os.path.join(folder, name))  # noqa: PTH118
            for name in names
        ],
        not found,
    )


def _state(path: str) -> State:
    try:
        os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return State.silent if os.path.islink(path) else State.gone  # noqa: PTH114
    except OSError:
        return State.silent
    return State.there


def _ends_in_a_link(folder: str) -> bool:
    """Return True where the first part of a path that is not there is a link that leads nowhere."""
    while not os.path.lexists(folder):
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            return False
        folder = above
    return os.path.islink(folder) and not os.path.exists(folder)  # noqa: PTH110, PTH114
