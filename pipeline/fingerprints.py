"""Checks of fingerprints: that a table has one, and that a model was trained on vectors like its own."""

from pathlib import Path

from mraf.data.table.features import FeatureTable
from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError
from mraf.extractors.encoders import FACE, VOICE, EncoderPair, EncoderSpec, gone
from mraf.fingerprint import Fingerprint

_EARLIER = "polysim"
"""What earlier versions of mraf wrote in place of the version of the weights of imported vectors."""


def fingerprint_of(labels: FeatureLabels) -> Fingerprint:
    """Return the fingerprint of a table's features, without the tracks that were asked for.

    Raises UsageError where there are several.
    """
    made = (Fingerprint.from_json(each).of_any_track for each in labels.extractors)
    found = list(dict.fromkeys(made))
    if len(found) == 1:
        return found[0]
    shown = "; ".join(map(str, found))
    if any(each.polysim for each in found):
        raise UsageError(
            f"The feature table mixes vectors that POLY-SIM publishes with others ({shown}), which may "
            "have been extracted in another way. Keep each in a workspace of its own (-w): "
            "`mraf polysim import` into one, `mraf extract` into another."
        )
    if len({each.encoders for each in found}) > 1:
        raise UsageError(
            f"The feature table mixes encoders ({shown}). Extract into a new workspace."
        )
    raise UsageError(
        f"The feature table mixes features of different options or versions ({shown}), which cannot "
        "be compared. Run `mraf extract` on all clips again, or extract into a new workspace (-w)."
    )


def fingerprints_in(
    table: FeatureTable, *, without_enrolled: Fingerprint | None = None
) -> list[Fingerprint]:
    """Return the fingerprints of a table's rows; none where it is empty.

    Those of rows that were enrolled with other options than `without_enrolled`, and the same encoders, are
    left out.
    """
    if table.is_empty:
        return []
    pairs = table.read(["extractor", "enrolled"]).group_by(["extractor", "enrolled"]).aggregate([])
    found: dict[str, Fingerprint] = {}
    for made, enrolled in sorted(
        zip(pairs["extractor"].to_pylist(), map(bool, pairs["enrolled"].to_pylist()), strict=True)
    ):
        each = Fingerprint.from_json(made)
        if not (enrolled and without_enrolled and each.shares_encoders(without_enrolled)):
            found[made] = each
    return list(found.values())


def mixing(folder: Path, made: Fingerprint, wanted: str) -> UsageError:
    """Return the error for vectors of different encoders or origins in one table."""
    if made.polysim:
        return UsageError(
            f"{folder}: these features were imported from POLY-SIM {made.polysim}, and may have been "
            "extracted in another way than this run would. Extract into another workspace (-w); "
            "`mraf evaluate --model FOLDER` measures a model of these features on it."
        )
    if reason := gone(made):
        return UsageError(
            f"{folder}: these features were made with {made.encoders}, and {reason}. Extract everything into "
            "another workspace (-w) and train there."
        )
    return UsageError(
        f"{folder}: these features were made with {made.encoders}, this run would use {wanted}. "
        "Vectors of different encoders cannot be compared. Go on with "
        f"--face {made.face} --voice {made.voice}, or extract everything into another workspace (-w)."
    )


def dims_of(fingerprint: Fingerprint) -> tuple[int, int]:
    """Return the lengths of the face's and the voice's vectors, Df and Dv.

    Raises UsageError where this version of mraf lacks one of the encoders.
    """
    refuse_gone(fingerprint, "The features")
    return FACE[fingerprint.face].dim, VOICE[fingerprint.voice].dim


def refuse_gone(made: Fingerprint, what: str) -> None:
    """Raise UsageError where this version of mraf lacks an encoder that made `what`, as "The features"."""
    if reason := gone(made):
        raise UsageError(
            f"{what} were made with {made.encoders}, and {reason}. Extract the clips into a new workspace "
            "(-w) and train there."
        )


def refuse_model_of_gone(trained: Fingerprint, model: str) -> None:
    """Raise UsageError where this version of mraf lacks an encoder of the vectors that a model knows."""
    if reason := gone(trained):
        raise UsageError(
            f"The model '{model}' was trained on vectors of {trained.encoders}, and {reason}. Run `mraf "
            "extract` into a new workspace (-w) and `mraf train` there."
        )


def encoders_of(trained: Fingerprint, *, model: str) -> EncoderPair:
    """Return the encoders of a model as this version of mraf has them, without looking for their weights.

    Args:
        trained: of the features that the model was trained on.
        model: its name.

    Raises UsageError where there is no such encoder.
    """
    refuse_model_of_gone(trained, model)
    face, voice = FACE[trained.face].published, VOICE[trained.voice].published
    return EncoderPair(
        face=EncoderSpec(name=trained.face, sha256=face.sha256 if face else None),
        voice=EncoderSpec(name=trained.voice, sha256=voice.sha256 if voice else None),
    )


def check_encoders(trained: Fingerprint, found: Fingerprint, *, what: str, model: str) -> None:
    """Raise UsageError unless a model was trained on vectors of the encoders that made `what`.

    Args:
        trained: of the features that the model was trained on.
        found: of `what`.
        what: for the message, as "the features in FOLDER".
        model: its name.
    """
    if trained.shares_encoders(found):
        return
    refuse_model_of_gone(trained, model)
    refuse_gone(found, what[:1].upper() + what[1:])
    if _imported_earlier(trained):
        raise UsageError(
            f"The model '{model}' was trained on vectors that an earlier version of mraf imported "
            f"({trained.encoders}): import the features and train again (`mraf polysim import`, then "
            "`mraf train`)."
        )
    if trained.polysim and _imported_earlier(found):
        raise UsageError(
            f"An earlier version of mraf imported {what} ({found.encoders}): import them again "
            f"(`mraf polysim import`) to use the model '{model}' on them."
        )
    remedy = "Train a model on these features, or extract with the model's encoders into another workspace."
    if trained.polysim:
        remedy = f"Use --face {trained.face} --voice {trained.voice} with their published weights."
    raise UsageError(
        f"The model '{model}' was trained on vectors of {trained.encoders}, but {what} are of "
        f"{found.encoders}; they cannot be compared. {remedy}"
    )


def check_fits(
    trained: Fingerprint, found: Fingerprint, *, what: str, model: str
) -> tuple[str, ...]:
    """Return notes on the use of a model on `what`; the arguments are those of `check_encoders`.

    A model of extracted features fits those of an equal fingerprint, whichever tracks of their files were
    read. One of published vectors, whose
    extraction is not known, fits all that the same encoders extract, with a note.

    Raises UsageError where it does not fit.
    """
    check_encoders(trained, found, what=what, model=model)
    if trained.of_any_track == found.of_any_track:
        return ()
    if trained.polysim and not found.polysim:
        return (
            f"The model was trained on vectors that POLY-SIM {trained.polysim} publishes. They are of the "
            "same encoders, but may have been extracted in another way; `mraf polysim verify` "
            "measures how close ours are.",
        )
    remedy = "Run `mraf extract` and `mraf train` again."
    if found.polysim:
        remedy = "Train a model on these features (`mraf train`)."
    raise UsageError(
        f"The model '{model}' was trained on features of {trained}, but {what} are of {found}; "
        f"they cannot be compared. {remedy}"
    )


def _imported_earlier(fingerprint: Fingerprint) -> bool:
    return _EARLIER in (fingerprint.face_weights, fingerprint.voice_weights)
