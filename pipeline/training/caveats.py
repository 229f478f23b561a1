"""Caveats of a training: what its figures do not cover, and what the model cannot do."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.data.polysim.index import split_of
from mraf.data.table.labels import FeatureLabels
from mraf.pipeline.training.split import Split
from mraf.types import Features

if TYPE_CHECKING:
    from mraf.fit import Trained


def caveats(
    labels: FeatureLabels,
    parts: Split,
    samples: Features,
    *,
    by_clip: bool,
    result: "Trained",
) -> tuple[str, ...]:
    """Return caveats for whoever reads the figures of a training.

    Args:
        labels: of all clips of the table that count.
        parts: those that train, and those that only measure.
        samples: the features of those that train.
        by_clip: true where the folds are of single clips, as no speaker has two recordings.
        result: of the training.
    """
    notes = []
    answers, measured = result.out_of_fold, parts.heldout.any()
    if parts.by_clip or (by_clip and answers):
        left = " left to train on" if measured and not parts.by_clip else ""
        notes.append(
            f"No speaker has two recordings{left}, so single clips were held out: clips of one recording "
            "are alike, and the figures are better than new recordings will be."
        )
    elif not answers:
        missed = "" if measured else "how good the model is has not been measured, and "
        notes.append(
            "No recording could be held out of training: "
            f"{missed}its probabilities are not calibrated."
        )
    if answers or measured:
        notes += _not_covered(labels, parts, result)
    if answers and result.best_epoch:
        notes.append(
            "A network is measured once, by a fit to four fifths of the recordings; the other clips also "
            "chose its epoch and its temperatures, so the figures are a little too good."
        )
    unknown = sum(1 for i in np.flatnonzero(parts.train) if not labels.recording[i])
    if answers and unknown and not by_clip:
        notes.append(
            f"{unknown} clips do not say which recording they are cut from and were taken as "
            "recordings of their own: the figures may be better than new recordings will be."
        )
    notes += _unnamed(result.recognition)
    notes += [note for name in ("face", "voice") if (note := _lacking(samples, name))]
    rows = zip(labels.speaker, labels.clip, strict=True)
    unnamed = sum(speaker is None and split_of(clip) in (None, "train") for speaker, clip in rows)
    if unnamed:
        notes.append(f"{unnamed} clips have no speaker's name and were left out.")
    return tuple(notes)


def _not_covered(labels: FeatureLabels, parts: Split, result: "Trained") -> list[str]:
    """Return a note on the speakers of whom no clip was answered by a model that did not train on it."""
    answered = set() if result.out_of_fold is None else set(result.out_of_fold.label.tolist())
    covered = {parts.speakers[label] for label in answered}
    covered |= {str(labels.speaker[i]) for i in np.flatnonzero(parts.heldout)}
    missing = set(parts.speakers) - covered
    if not missing:
        return []
    rows = np.flatnonzero(parts.train | parts.heldout)
    recordings = Counter(name[0] for name in {parts.recordings[i] for i in rows} if name)
    single = sum(recordings[speaker] == 1 for speaker in missing)
    who = f"{len(missing)} of {len(parts.speakers)} speakers"
    if single == len(missing):
        return [
            f"{who} have one recording only; all of it trains, and the figures do not cover them."
        ]
    return [
        f"The figures do not cover {who}"
        + (f"; {single} of these have one recording only, all of which trains." if single else ".")
    ]


def _unnamed(recognition: dict[str, Any]) -> list[str]:
    """Return notes on what nobody is named by, as nothing says how known people and strangers score."""
    titles = {
        "face_voice": "face and voice together",
        "voice": "the voice alone",
        "face": "the face alone",
    }
    nobody = [
        title for key, title in titles.items() if recognition.get(key, {}).get("threshold") == 1
    ]
    if not nobody:
        return []
    return [
        f"By {' and by '.join(nobody)} nobody is named: no clip that has them could be held out, so nothing says how "
        "strangers score."
    ]


def _lacking(samples: Features, modality: str) -> str | None:
    """Return a note on the speakers without a training clip that has a face, or a voice."""
    present = getattr(samples, f"{modality}_present")
    if not present.any():
        return (
            f"No training clip has a {modality}: the model leaves {modality}s out of account, and clips "
            "with nothing else get no answer."
        )
    lacking = np.setdiff1d(samples.label, samples.label[present])
    if not len(lacking):
        return None
    speakers = "1 speaker has" if len(lacking) == 1 else f"{len(lacking)} speakers have"
    return (
        f"{speakers} no training clip with a {modality}: the model cannot name them by the {modality} "
        "alone."
    )
