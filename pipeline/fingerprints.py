"""Checks of fingerprints: that a table has one, and that of a model fits it."""

from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError
from mraf.extractors.encoders import FACE, VOICE
from mraf.fingerprint import Fingerprint


def fingerprint_of(labels: FeatureLabels) -> Fingerprint:
    """Return the fingerprint of a table's features. Raises UsageError where there are several."""
    found = [Fingerprint.from_json(each) for each in labels.extractors]
    if len(found) == 1:
        return found[0]
    shown = "; ".join(map(str, found))
    if len({each.encoders for each in found}) > 1:
        raise UsageError(
            f"The feature table mixes encoders ({shown}). Extract into a new workspace."
        )
    raise UsageError(
        f"The feature table mixes features of different options or versions ({shown}), which cannot "
        "be compared. Run `mraf extract` on all clips again, or extract into a new workspace (-w)."
    )


def dims_of(fingerprint: Fingerprint) -> tuple[int, int]:
    """Return the lengths of the face's and the voice's vectors, Df and Dv."""
    try:
        return FACE[fingerprint.face].dim, VOICE[fingerprint.voice].dim
    except KeyError:
        raise UsageError(
            f"The features were made with {fingerprint.encoders}, and this version of mraf has no such "
            "encoder."
        ) from None


def check_same(trained: Fingerprint, found: Fingerprint, *, what: str, model: str) -> None:
    """Raise UsageError unless a model was trained on features like those of `what`.

    Args:
        trained: of the features that the model was trained on.
        found: of `what`.
        what: for the message, as "the features in FOLDER".
        model: its name.
    """
    if not trained.shares_encoders(found):
        raise UsageError(
            f"The model '{model}' was trained on vectors of {trained.encoders}, but {what} are of "
            f"{found.encoders}; they cannot be compared. Train a model on these features, or extract "
            "with the model's encoders into another workspace."
        )
    if trained != found:
        raise UsageError(
            f"The model '{model}' was trained on features of {trained}, but {what} are of {found}; "
            "they cannot be compared. Run `mraf extract` and `mraf train` again."
        )
