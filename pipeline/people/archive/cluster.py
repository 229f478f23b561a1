"""Clips that nobody has named yet, grouped by person."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from mraf.data.table.renames import plain
from mraf.errors import MissingError, MrafError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.fingerprints import check_fits, dims_of
from mraf.pipeline.people.archive.grouping import FILE, Grouping, Kept, changing
from mraf.pipeline.people.archive.opened import OpenTable
from mraf.pipeline.workspace import Workspace
from mraf.recognition.clusters import CUT, Looks, cohesion, grouped


@dataclass(frozen=True, kw_only=True)
class Group:
    """Clips that are of one person, as far as faces and voices tell."""

    id: str
    clips: int
    seconds: float | None  # length of its clips, of those of which it is known
    faces: int  # of clips that have one
    voices: int
    representative: str  # path of the clip that is most like the others
    sure: float  # mean probability, 0 to 1, that a clip is of one person with the others
    perhaps: (
        str | None
    )  # person of the model whom most of its clips are like, or of the table whom it is like
    speakers: dict[str, int]  # clips by the names that they have already
    members: tuple[str, ...] = field(
        repr=False
    )  # ids of the clips, those most like the others first
    start: float | None = None  # s, where the representative is a part of its file


@dataclass(frozen=True, kw_only=True)
class ClusterReport:
    """The groups of a workspace, biggest first, and the clips that are in none."""

    groups: tuple[Group, ...]
    clips: int  # that were looked at
    singles: tuple[str, ...]  # ids of clips that are like no other
    nothing: tuple[str, ...]  # ids of clips without a face or a voice to compare
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf cluster --json` prints."""
        return asdict(self)


def cluster(
    workspace: Workspace | Path | str | None = None,
    *,
    all: bool = False,
    model: str | None = None,
) -> ClusterReport:
    """Group the clips of a workspace that have no speaker's name, by person.

    How many people there are is not asked. The groups are kept in the workspace, for `mraf.name`.

    Args:
        workspace: the folder with the features, by default `./mraf-workspace`.
        all: group the clips that have a name too.
        model: that may know some of the people, by default the one trained last, where there is one.

    Raises:
        MissingError: there are no features, or no model of that name.
        UsageError: the features are of several encoders, or the clips are too many.
        MrafError: a file of the table is damaged.
    """
    workspace = Workspace.at(workspace)
    if model:
        workspace.model(model)
    table = OpenTable.of(workspace)
    wanted = np.flatnonzero([all or not name for name in table.labels.speaker])
    looks = table.looks(wanted)
    some = (looks.faces + looks.voices) > 0
    nothing = [table.labels.clip[i] for i in wanted[~some]]
    index, looks = wanted[some], looks.take(some)
    group = grouped(looks, table.pairs)
    fit = cohesion(looks, group, table.pairs)
    size = np.bincount(group, minlength=1)
    order = [g for g in np.argsort(-size, kind="stable") if size[g] > 1]
    known, asked, notes = _known(workspace, model, table, index) if order else ([], (), ())
    groups: list[Group] = []
    for number, g in enumerate(order, 1):
        those = np.flatnonzero(group == g)
        those = those[np.argsort(-np.nan_to_num(fit[those], nan=-np.inf), kind="stable")]
        groups.append(
            _group(
                f"g{number}",
                table,
                index[those],
                looks.take(those),
                fit[those],
                [known[i] for i in those],
            )
        )
    members = {g: looks.take(group == g) for g in order}
    groups = _like_the_named(table, groups, list(members.values()), asked)
    _keep(workspace, table, groups)
    return ClusterReport(
        groups=tuple(groups),
        clips=len(wanted),
        singles=tuple(table.labels.clip[index[i]] for i in np.flatnonzero(size[group] == 1)),
        nothing=tuple(nothing),
        notes=(*table.notes, *notes),
    )


def _group(
    name: str,
    table: OpenTable,
    index: np.ndarray,
    looks: Looks,
    fit: np.ndarray,
    known: Sequence[str | None],
) -> Group:
    """Return a group of the clips at `index` [M], those most like the others first."""
    figures = table.figures.take(index)
    lengths = figures["seconds"].drop_null()
    both = np.flatnonzero((looks.faces > 0) & (looks.voices > 0))
    shown = int(both[0]) if len(both) else 0
    (perhaps, often), *_ = Counter(known).most_common(1)
    names = Counter(table.labels.speaker[i] for i in index)
    return Group(
        id=name,
        clips=len(index),
        seconds=round(float(np.sum(lengths.to_numpy())), 2) if len(lengths) else None,
        faces=int((looks.faces > 0).sum()),
        voices=int((looks.voices > 0).sum()),
        representative=figures["path"][shown].as_py(),
        start=figures["start"][shown].as_py(),
        sure=round(float(np.nanmean(expit(fit))), 4),
        perhaps=perhaps if often > len(known) / 2 else None,
        speakers={speaker: n for speaker, n in names.most_common() if speaker},
        members=tuple(table.labels.clip[i] for i in index),
    )


def _known(
    workspace: Workspace, name: str | None, table: OpenTable, index: np.ndarray
) -> tuple[list[str | None], tuple[str, ...], tuple[str, ...]]:
    """Return the person whom a model takes each of the clips [M] for, None for nobody; its people; notes."""
    nobody: list[str | None] = [None] * len(index)
    try:
        folder = workspace.model(name)
    except MissingError:
        return nobody, (), ()
    from mraf import checkpoint
    from mraf.inference.prediction import predict
    from mraf.pipeline.training.split import to_features

    try:
        described = checkpoint.describe(folder)
        trained = Fingerprint.from_dict(described.meta.get("fingerprint"))
        check_fits(trained, table.fingerprint, what="the features here", model=folder.name)
        model = checkpoint.load(described, "cpu").model
    except MrafError as error:
        return nobody, (), (f"No model was asked who is known: {error}",)
    people = described.labels
    found = predict(model, to_features(table.labels, people, dims_of(table.fingerprint), index))
    if found.known is None or not len(people):
        return nobody, (), ()
    sure = found.is_known & np.isfinite(found.known)
    best = np.nan_to_num(found.probability).argmax(axis=1)
    return [people[i] if yes else None for i, yes in zip(best, sure, strict=True)], people, ()


def _like_the_named(
    table: OpenTable, groups: Sequence[Group], looks: Sequence[Looks], asked: Sequence[str]
) -> list[Group]:
    """Return groups of nobody known with the named person of the table whom they are like, as groups become one.

    People whom a model was asked about are left out: it knows better.
    """
    open_ = [i for i, group in enumerate(groups) if not (group.perhaps or group.speakers)]
    skipped = {plain(name) for name in asked}
    names = [plain(name) if name else "" for name in table.labels.speaker]
    named = np.flatnonzero([bool(name) and name not in skipped for name in names])
    found = list(groups)
    if not open_ or not len(named):
        return found
    people, code = np.unique([names[i] for i in named], return_inverse=True)
    theirs = table.looks(named).means(code)
    for i in open_:
        mean = looks[i].means(np.zeros(len(looks[i]), np.int64))
        odds = np.nan_to_num(mean.odds(theirs, table.pairs)[0], nan=-np.inf)
        if odds.max() > CUT:
            found[i] = replace(found[i], perhaps=str(people[odds.argmax()]))
    return found


def _keep(workspace: Workspace, table: OpenTable, groups: Sequence[Group]) -> None:
    content = dict(zip(table.labels.clip, table.labels.source_hash, strict=True))
    kept = {each.id: Kept(clips={clip: content[clip] for clip in each.members}) for each in groups}
    with changing(workspace):
        Grouping(file=workspace.root / FILE, groups=kept).write()
