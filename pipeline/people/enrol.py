"""Enrolment: a person comes to the current model and to the feature table, without training."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mraf.data.clips.times import seconds_of
from mraf.data.table.features import FeatureRow
from mraf.data.table.renames import checked, plain
from mraf.device import choose_device
from mraf.errors import MissingError, UsageError
from mraf.extractors.compat import torch_threads
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor, ExtractOptions
from mraf.extractors.turns import segmentation
from mraf.extractors.weights import Progress
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.extract import choose_encoders
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.fingerprints import check_fits, encoders_of
from mraf.pipeline.people.enrolment import gallery as galleries
from mraf.pipeline.people.enrolment.embedding import (
    Encoding,
    clips_of,
    once,
    refuse_mixing,
    samples_of,
)
from mraf.pipeline.people.enrolment.gallery import Gallery
from mraf.pipeline.people.enrolment.samples import Sample, judged, of_one_person
from mraf.pipeline.people.enrolment.suspicion import looks_like_another, not_the_person
from mraf.pipeline.workspace import Workspace

Question = Callable[[str], bool]
"""Asks a person, who says yes or no."""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A clip that was not enrolled, and the reason."""

    path: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EnrolReport:
    """The result of an enrolment."""

    name: str
    model: str
    new: bool  # True: the model did not know the person before
    begun: bool  # True: there was no model, and one was made that has learned nothing
    clips: int  # enrolled now
    face: int  # of these, with a face
    voice: int  # with a voice
    speech: float  # seconds of it
    already: int  # clips that the model knows of the person already
    references: int  # recordings of the person that the model has now
    refused: tuple[Refused, ...]
    notes: tuple[str, ...]
    seconds: float  # without the embedding

    def as_dict(self) -> dict[str, Any]:
        """Return the object that `mraf enrol --json` prints."""
        return asdict(self)


def enrol(
    name: str,
    clips: Iterable[Path | str] | Path | str,
    *,
    workspace: Workspace | Path | str | None = None,
    model: str | None = None,
    start: float | str | None = None,
    end: float | str | None = None,
    yes: bool = False,
    face: str = "auto",
    voice: str = "auto",
    encoders: EncoderPair | None = None,
    extractor: ClipExtractor | None = None,
    weights_dir: Path | str | None = None,
    offline: bool = False,
    device: str = "auto",
    precision: str = "auto",
    on_download: Progress | None = None,
    on_question: Question | None = None,
    on_sample: Callable[[Sample], None] | None = None,
) -> EnrolReport:
    """Add a person to the current model, or more clips to one whom it knows, and to the feature table.

    Where the workspace has no model, one is begun that has learned nothing. Clips that cannot carry an
    identity are refused, each with its reason; the report lists them.

    Args:
        name: of the person.
        clips: videos, sound files, photos, or folders of them.
        workspace: a folder, by default `./mraf-workspace`.
        model: its name, by default the one trained last.
        start: of one clip only the part from here on, in seconds, or as in "1:15".
        end: only the part up to here.
        yes: True answers the question whether clips that look like somebody else are to be enrolled.
        face: encoder where the workspace is empty, see `mraf.extract`.
        voice: likewise.
        encoders: in place of those that are chosen.
        extractor: of the model's encoders, in place of one that is made and closed.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.
        on_question: called with a question; without it the answer is no, unless `yes` is True.
        on_sample: called after each clip.

    Raises:
        UsageError: the name cannot be a person's, no clip can be enrolled, the model is of a type that
            cannot enrol or of other encoders, or the answer to a question is no. Nothing is written then.
        MissingError: there is no such model, or weights of the encoders are not there.
    """
    name, workspace = checked(name), Workspace.at(workspace)
    part = [_seconds(each, what) for each, what in ((start, "--from"), (end, "--to"))]
    found = clips_of(clips, start=part[0], end=part[1])
    known = current(workspace, model)
    weights = Path(weights_dir) if weights_dir else None
    if known is None:
        pair = encoders or choose_encoders(
            workspace,
            face=face,
            voice=voice,
            weights_dir=weights,
            offline=offline,
            progress=on_download,
        )
        options = ExtractOptions()
    else:
        trained = fingerprint_of(known)
        options = options_of(trained, encoders, known.folder.name)
        options = extractor.options if extractor else options
        pair = encoders or choose(
            known=trained, weights_dir=weights, offline=offline, progress=on_download
        )
    fingerprint = options.fingerprint(pair)
    refuse_mixing(workspace.table, fingerprint)

    def make() -> ClipExtractor:
        return ClipExtractor(
            pair,
            options,
            choose_device(device),
            threads=available_cores(),
            precision=precision,
            segmentation=segmentation.published(weights),
        )

    samples = []
    with once(make) as get:
        encoding = Encoding(
            fingerprint=fingerprint, extractor=(lambda: extractor) if extractor else get
        )
        for each in samples_of(found, workspace.table, encoding):
            samples.append(each)
            if on_sample:
                on_sample(each)
    return enrol_samples(
        workspace,
        name,
        samples,
        fingerprint,
        known=known,
        model=model,
        yes=yes,
        on_question=on_question,
    )


def enrol_rows(
    workspace: Workspace | Path | str | None,
    name: str,
    rows: Sequence[FeatureRow],
    *,
    model: str | None = None,
    yes: bool = False,
    on_question: Question | None = None,
) -> EnrolReport:
    """Enrol rows of the feature table, as `enrol` does clips; a row without a speaker gets the name.

    Raises what `enrol` raises.
    """
    name, workspace = checked(name), Workspace.at(workspace)
    if not rows:
        raise UsageError(f"There is no clip to enrol as '{name}'.")
    known = current(workspace, model)
    fingerprint = Fingerprint.from_json(rows[0].extractor).of_any_track
    if known is not None:
        check_fits(fingerprint_of(known), fingerprint, what="the clips", model=known.folder.name)
    samples = [Sample(path=row.clip, row=row) for row in rows]
    return enrol_samples(
        workspace,
        name,
        samples,
        fingerprint,
        known=known,
        model=model,
        yes=yes,
        on_question=on_question,
    )


@torch_threads(1)  # a second one slows down matrices this small, most of all on a busy machine
def enrol_samples(
    workspace: Workspace,
    name: str,
    samples: Sequence[Sample],
    fingerprint: Fingerprint,
    *,
    known: Gallery | None,
    model: str | None,
    yes: bool = False,
    on_question: Question | None = None,
) -> EnrolReport:
    """Judge samples, ask about doubts, and write the rows and the model. Raises as `enrol` does.

    `known` is the model as it is before; it is read again where it is changed.
    """
    started = time.monotonic()
    samples = of_one_person(judged(samples), fingerprint)
    rows = [each.row for each in samples if each.row is not None]
    refused = tuple(
        Refused(path=each.path, reason=each.refused) for each in samples if each.refused
    )
    if not rows:
        raise nothing_enrolled(name, refused)
    doubts = [
        looks_like_another(known, name, rows),
        not_the_person(workspace.table, name, rows, fingerprint),
    ]
    asked = time.monotonic()
    _ask(name, [each for each in doubts if each], yes=yes, on_question=on_question)
    started += time.monotonic() - asked
    with galleries.changing(workspace):
        # Read again: another process may have enrolled somebody meanwhile.
        known = current(workspace, model)
        begun = known is None
        if known is None:
            known = galleries.begun(workspace.new_model(model or galleries.BEGUN), fingerprint)
        index = None if begun else known.index(name)
        name = name if index is None else known.labels[index]
        named = [_named(row, name) for row in rows]
        fresh = [
            row for row in named if index is None or row.source_hash not in known.trained.content
        ]
        with workspace.table.writer(patience=galleries.PATIENCE) as writer:
            for old, row in zip(rows, named, strict=True):
                if not (old.speaker and plain(old.speaker) == plain(name) and old.clip == row.clip):
                    writer.add(row)
        if fresh:
            known = galleries.with_person(known, name, fresh)
            known.write()
    at = known.index(name)
    assert at is not None
    count: Any = known.checkpoint.model.recogniser.recordings[at]
    return EnrolReport(
        name=name,
        model=known.folder.name,
        new=index is None,
        begun=begun,
        clips=len(fresh),
        face=sum(row.face is not None for row in fresh),
        voice=sum(row.voice is not None for row in fresh),
        speech=round(sum(row.voice_seconds for row in fresh if row.voice is not None), 2),
        already=len(named) - len(fresh),
        references=int(count),
        refused=refused,
        notes=tuple(f"{each.path}: {each.note}" for each in samples if each.note and each.row),
        seconds=time.monotonic() - started,
    )


def current(workspace: Workspace, model: str | None) -> Gallery | None:
    """Return the model that is enrolled into; None where the workspace has none at all.

    Raises MissingError where there is none of that name but others, and as `mraf.pipeline.people.enrolment.gallery.read`.
    """
    from mraf.checkpoint import model_folders

    try:
        folder = workspace.model(model)
    except MissingError:
        if model_folders(workspace.models):
            raise
        return None
    return galleries.read(folder)


def fingerprint_of(known: Gallery) -> Fingerprint:
    """Return the fingerprint of the features that a model knows people by."""
    return Fingerprint.from_dict(known.checkpoint.meta.get("fingerprint"))


def options_of(trained: Fingerprint, encoders: EncoderPair | None, model: str) -> ExtractOptions:
    """Return the options of extraction that fit a model.

    Raises UsageError where these encoders or this version of mraf make other features.
    """
    options = ExtractOptions()
    if trained.frames is not None and trained.seconds is not None:
        options = ExtractOptions(frames=trained.frames, max_seconds=trained.seconds)
    found = options.fingerprint(encoders or encoders_of(trained, model=model))
    check_fits(trained, found, what="the features that clips would get here", model=model)
    return options


def nothing_enrolled(name: str, refused: Sequence[Refused]) -> UsageError:
    """Return the error that no clip can be enrolled, with all reasons."""
    lines = tuple(f"{each.path}: {each.reason}" for each in refused)
    reasons = {each.reason for each in refused}
    if len(reasons) == 1 and len(refused) > 1:
        said = f"{next(iter(reasons))} ({len(refused)} clips)"
    else:
        said = "; ".join(lines[:5]) + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")
    error = UsageError(f"Nobody was enrolled as '{name}': {said or 'there is no clip'}.")
    error.problems = lines
    return error


def _ask(name: str, doubts: Sequence[str], *, yes: bool, on_question: Question | None) -> None:
    """Raise UsageError where a doubt stays about who the clips are of."""
    for doubt in doubts:
        if yes or (
            on_question is not None and on_question(f"{doubt} Enrol as '{name}' all the same?")
        ):
            continue
        hint = "" if on_question else f" If they are {name}'s, say --yes (yes=True)."
        raise UsageError(f"{doubt} Nobody was enrolled as '{name}'.{hint}")


def _named(row: FeatureRow, name: str) -> FeatureRow:
    """Return a row under the name of a person; one that another has stays theirs, and this is a copy."""
    taken = row.speaker is not None and plain(row.speaker) != plain(name)
    return replace(
        row,
        clip=f"{row.path}#{name}" if taken else row.clip,
        speaker=name,
        recording=row.recording if row.recording and not taken else row.path,
        enrolled=row.enrolled or taken or row.speaker is None,
        replaces=None,
    )


def _seconds(value: float | str | None, what: str) -> float | None:
    if value is None or not isinstance(value, str):
        if value is not None and not 0 <= value < float("inf"):
            raise UsageError(f"{what} {value}: give a time of 0 s or more.")
        return value
    return seconds_of(value, what)
