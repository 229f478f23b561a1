"""Clips of the workspace in which a person appears."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from mraf.data.table.labels import StoredLabels
from mraf.data.table.renames import plain
from mraf.errors import UsageError, choices
from mraf.extractors.weights import Progress
from mraf.pipeline.people.archive.opened import OpenTable
from mraf.pipeline.people.archive.sought import digest_of, of_clip, of_model, speakers_of_models
from mraf.pipeline.workspace import Workspace
from mraf.recognition.clusters import Looks

NEAR = 30.0
"""Seconds between two turns of a person in a file up to which they are shown as one stretch."""
_TURNS = 64
"""Turns of a stretch that are looked at, on average, to find as many stretches as are asked for."""
_ROWS = (
    1 << 15
)  # compared at a time, so that what is computed of them stays in the processor's cache


@dataclass(frozen=True, kw_only=True)
class Match:
    """A clip in which the person sought may appear."""

    clip: str  # its id
    path: str
    start: float | None  # seconds in the file; None where the clip is all of it
    end: float | None
    speaker: str | None  # that it has in the table
    # Probabilities, 0 to 1, that it is the person, where that is as likely as not beforehand.
    score: float
    face: float | None  # by the face alone; None where there is none, or none to compare with
    voice: float | None
    turn: bool = False  # of a longer file


@dataclass(frozen=True, kw_only=True)
class FindReport:
    """The clips in which a person may appear, the likeliest first."""

    sought: str  # name, or path or id of a clip
    by: str  # "speaker" of the table, "model", or "clip"
    matches: tuple[Match, ...]
    clips: int  # that were compared
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf find --json` prints."""
        return asdict(self)


class Finder:
    """A workspace's table with all vectors in memory, 4 bytes a number; call it with one person after another.

    Raises:
        MissingError: there are no features, or no file of a clip is there.
        UsageError: the features are of several encoders.
        MrafError: a part of the table cannot be read.
    """

    def __init__(self, workspace: Workspace | Path | str | None = None) -> None:
        self.workspace = Workspace.at(workspace)
        self._table = OpenTable.of(self.workspace)
        self._looks = self._table.looks(np.arange(len(self._table)))
        self._speakers = _by_speaker(self._table.labels)

    def __call__(
        self,
        who: str | Path,
        top: int = 20,
        *,
        unnamed: bool = False,
        weights_dir: Path | str | None = None,
        offline: bool = False,
        device: str = "auto",
        precision: str = "auto",
        on_download: Progress | None = None,
    ) -> FindReport:
        """Find the clips in which a person appears; see `find`."""
        table, who = self._table, str(who)
        out = np.zeros(len(table), bool)  # the clip that is sought by, and its copies
        if rows := self._speakers.get(plain(who)):
            by, sought = "speaker", self._mean(rows)
        elif (of_file := self._turns_of_file(who)).any():
            by, sought, out = "clip", self._only_person(who, of_file), of_file
        elif (at := table.place(who)) is not None:
            by, sought = "clip", self._looks.take(np.array([at]))
            out = table.copies(table.labels.source_hash[at])
            out[at] = True
        elif Path(who).is_file():
            digest = digest_of(Path(who))
            by, out = "clip", table.copies(digest)
            if (turns := table.turns_of(digest)).any():
                sought, out = self._only_person(who, turns), turns
            elif out.any():
                sought = self._looks.take(np.flatnonzero(out)[:1])
            else:
                sought = of_clip(
                    Path(who),
                    table.fingerprint,
                    weights_dir=Path(weights_dir) if weights_dir else None,
                    offline=offline,
                    device=device,
                    precision=precision,
                    on_download=on_download,
                )
        elif found := of_model(self.workspace, who, table.fingerprint):
            by, sought = "model", found
        else:
            raise self._unknown(who)
        if not (sought.faces[0] or sought.voices[0]):
            raise UsageError(f"{who}: there is neither a face nor a voice in it to look for.")
        if unnamed:
            for theirs in self._speakers.values():
                out[theirs] = True
        matches, compared = self._matches(sought, ~out, top)
        return FindReport(sought=who, by=by, matches=matches, clips=compared, notes=table.notes)

    def _turns_of_file(self, who: str) -> np.ndarray:
        """Return a mask [N] bool of the turns of a file, by its id."""
        labels, is_turn = self._table.labels, self._table.is_turn
        found = np.zeros(len(labels), bool)
        for row in np.flatnonzero(is_turn):
            found[row] = labels.clip[row].rpartition("#")[0] == who
        return found

    def _only_person(self, who: str, turns: np.ndarray) -> Looks:
        """Return the person of a file's turns. Raises UsageError where several speak in it."""
        rows = np.flatnonzero(turns)
        people = set(self._table.figures["person"].take(rows).to_pylist())
        if len(people) > 1:
            raise UsageError(
                f"{who}: {len(people)} people speak in it. Name one of them, or a turn, as "
                f"'{self._table.labels.clip[rows[0]]}'."
            )
        return self._looks.take(rows).means(np.zeros(len(rows), np.int64))

    def _mean(self, rows: list[int]) -> Looks:
        """Return the mean over the recordings of some clips, each of which counts once."""
        labels = self._table.labels
        names = [(labels.language[i], labels.recording[i] or f"clip {i}") for i in rows]
        numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
        recordings = self._looks.take(np.array(rows)).means(
            np.array([numbers[name] for name in names])
        )
        once = Looks(
            face=recordings.face,
            faces=np.minimum(recordings.faces, 1),
            voice=recordings.voice,
            voices=np.minimum(recordings.voices, 1),
        )
        return once.means(np.zeros(len(once), np.int64))

    def _matches(self, sought: Looks, among: np.ndarray, top: int) -> tuple[tuple[Match, ...], int]:
        """Return the first `top` clips that are likelier of the person than not, and the number compared.

        Neighbouring turns of a file count as one.
        """
        pairs = self._table.pairs
        odds = self._looks.odds(sought, pairs)[:, 0]
        comparable = among & ~np.isnan(odds)
        likely = np.flatnonzero(comparable & (odds > 0))
        most = top * (_TURNS if self._table.is_turn[likely].any() else 1)
        if len(likely) > most:
            likely = likely[np.argpartition(-odds[likely], most - 1)[:most]]
        likely = likely[np.argsort(-odds[likely], kind="stable")]
        face, voice = (cosine[:, 0] for cosine in self._looks.take(likely).cosines(sought))
        figures = self._table.figures.take(likely).to_pylist()
        labels = self._table.labels

        def alone(cosine: float, of: Any) -> float | None:
            return None if np.isnan(cosine) else round(float(expit(of(np.array(cosine)))), 4)

        found = tuple(
            Match(
                clip=labels.clip[i],
                path=row["path"],
                start=row["start"],
                end=row["end"],
                speaker=labels.speaker[i],
                turn=row["person"] is not None,
                score=round(float(expit(odds[i])), 4),
                face=alone(face[place], pairs.face),
                voice=alone(voice[place], pairs.voice),
            )
            for place, (i, row) in enumerate(zip(likely, figures, strict=True))
        )
        first = sorted(i for each in stretches(found)[:top] for i in each)
        return tuple(found[i] for i in first), int(comparable.sum())

    def _unknown(self, who: str) -> UsageError:
        if Path(who).exists():
            return UsageError(f"{who}: is a folder; name one clip, or a speaker.")
        known = {*self._speakers, *speakers_of_models(self.workspace)}
        there = choices(who, sorted(known)) if known else "(nobody has a name here yet)."
        return UsageError(f"'{who}' is no speaker, no clip of the table and no file {there}")


def find(
    who: str | Path,
    *,
    workspace: Workspace | Path | str | None = None,
    top: int = 20,
    unnamed: bool = False,
    weights_dir: Path | str | None = None,
    offline: bool = False,
    device: str = "auto",
    precision: str = "auto",
    on_download: Progress | None = None,
) -> FindReport:
    """Find the clips of a workspace in which a person appears, the likeliest first.

    To look for several, make a `Finder`, which reads the table once.

    Args:
        who: a speaker of the table or of the model trained last, a clip's id in the table, or a file, which
            is embedded with the table's encoders unless the table has it.
        workspace: the folder with the features, by default `./mraf-workspace`.
        top: number of clips at most.
        unnamed: look only in clips without a speaker's name.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.

    Raises:
        MissingError: there are no features, or weights of the encoders are not there.
        UsageError: nobody is called that, or the clip has neither face nor voice.
        MediaError: the file cannot be read.
    """
    return Finder(workspace)(
        who,
        top,
        unnamed=unnamed,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=precision,
        on_download=on_download,
    )


def stretches(matches: Sequence[Match]) -> list[list[int]]:
    """Return the positions of matches, neighbouring turns of a file together.

    The stretch with the first match comes first; its turns are in the order of time.
    """
    files: dict[str, list[int]] = {}
    found: list[list[int]] = []
    for i, match in enumerate(matches):
        if match.turn:
            files.setdefault(match.path, []).append(i)
        else:
            found.append([i])
    for turns in files.values():
        turns.sort(key=lambda i: matches[i].start or 0.0)
        end = float("-inf")
        for i in turns:
            if (matches[i].start or 0.0) - end > NEAR:
                found.append([])
            found[-1].append(i)
            end = max(end, matches[i].end or 0.0)
    return sorted(found, key=min)


def _by_speaker(labels: StoredLabels) -> dict[str, list[int]]:
    """Return the positions of the clips of each speaker, by `plain` name."""
    found: dict[str, list[int]] = {}
    for i, name in enumerate(labels.speaker):
        if name:
            found.setdefault(name, []).append(i)
    merged: dict[str, list[int]] = {}
    for name, rows in found.items():
        merged.setdefault(plain(name), []).extend(rows)
    return merged
