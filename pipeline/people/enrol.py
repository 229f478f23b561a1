"""Enrolment: a person comes to the current model and to the feature table, without training."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from mraf.data.clips.times import seconds_of
from mraf.data.table.features import FeatureRow
from mraf.data.table.renames import checked
from mraf.device import choose_device
from mraf.errors import UsageError
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor, ExtractOptions
from mraf.extractors.weights import Progress, at_hand
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers.loading import options_of
from mraf.pipeline.extraction.extract import Weights, choose_encoders
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.fingerprints import check_fits, encoders_of
from mraf.pipeline.people.enrolment.embedding import (
    Encoding,
    clips_of,
    once,
    refuse_mixing,
    samples_of,
)
from mraf.pipeline.people.enrolment.gallery import Gallery
from mraf.pipeline.people.enrolment.samples import Sample
from mraf.pipeline.people.enrolment.taking_in import (
    EnrolReport,
    Question,
    Refused,
    current,
    enrol_samples,
)
from mraf.pipeline.workspace import Workspace

__all__ = ["EnrolReport", "Refused", "enrol", "enrol_rows"]


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
        UsageError: the name cannot be a person's, the model is of a type that cannot enrol or of other
            encoders, or the answer to a question is no. Nothing is written then.
        MrafError: no clip can be enrolled. Nothing is written.
        MissingError: there is no such model, or weights of the encoders are not there.
    """
    name, workspace = checked(name), Workspace.at(workspace)
    part = [_seconds(each, what) for each, what in ((start, "--from"), (end, "--to"))]
    found = clips_of(clips, start=part[0], end=part[1])
    known = current(workspace, model)
    folder = Path(weights_dir) if weights_dir else None
    weights = Weights(weights_dir=folder, offline=offline, progress=on_download)
    if known is None:
        pair = encoders or choose_encoders(workspace, face=face, voice=voice, **weights)
        options = ExtractOptions()
    else:
        pair, options = _of_model(known, encoders, extractor, weights)
    fingerprint = options.fingerprint(pair)
    refuse_mixing(workspace.table, fingerprint)
    with once(partial(_made, pair, options, device, precision, folder)) as get:
        encoding = Encoding(
            fingerprint=fingerprint, extractor=(lambda: extractor) if extractor else get
        )
        samples = [*_told(samples_of(found, workspace.table, encoding, name), on_sample)]
    return enrol_samples(
        workspace, name, samples, fingerprint, model=model, yes=yes, on_question=on_question
    )


def _of_model(
    known: Gallery, encoders: EncoderPair | None, extractor: ClipExtractor | None, weights: Weights
) -> tuple[EncoderPair, ExtractOptions]:
    """Return the encoders and options of a model, or those that were given in their place.

    Raises UsageError where the model was not trained on features of the encoders.
    """
    trained = fingerprint_of(known)
    expected = encoders or encoders_of(trained, model=known.folder.name)
    options, _ = options_of(trained, expected, known.folder.name)
    pair = encoders or choose(known=trained, **weights)
    return pair, extractor.options if extractor else options


def _made(
    pair: EncoderPair, options: ExtractOptions, device: str, precision: str, weights: Path | None
) -> ClipExtractor:
    return ClipExtractor(
        pair,
        options,
        choose_device(device),
        threads=available_cores(),
        precision=precision,
        segmentation=at_hand("segmentation", weights),
    )


def _told(
    samples: Iterable[Sample], on_sample: Callable[[Sample], None] | None
) -> Iterator[Sample]:
    for each in samples:
        if on_sample:
            on_sample(each)
        yield each


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
        model=model,
        yes=yes,
        on_question=on_question,
    )


def fingerprint_of(known: Gallery) -> Fingerprint:
    """Return the fingerprint of the features that a model knows people by."""
    return Fingerprint.from_dict(known.checkpoint.meta.get("fingerprint"))


def _seconds(value: float | str | None, what: str) -> float | None:
    if value is None or not isinstance(value, str):
        if value is not None and not 0 <= value < float("inf"):
            raise UsageError(f"{what} {value}: give a time of 0 s or more.")
        return value
    return seconds_of(value, what)
