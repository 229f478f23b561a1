"""Selection of the clips that an evaluation measures, and of those whose answers training kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError
from mraf.pipeline.training.split import (
    Recording,
    match_languages,
    recordings_of,
    sources_of,
)

if TYPE_CHECKING:
    from mraf.checkpoint import Checkpoint, TrainedOn


_LACKING = {
    "face": "The model has learned no faces: P3 and P5 cannot be measured.",
    "voice": "The model has learned no voices: P3 to P6 cannot be measured.",
}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which clips of a table an evaluation measures: masks over its N clips, and their languages."""

    language: np.ndarray  # [N], "" where none is named
    new: np.ndarray  # of the model's speakers, and did not train it
    measured: np.ndarray  # `new` with a face or a voice of which the model has learned some
    answered: np.ndarray  # trained the model, and models that had not trained on them answered
    unknown: np.ndarray  # new, but of speakers that the model does not have
    same: np.ndarray  # in the languages of training
    elsewhere: np.ndarray  # in the languages of P5 and P6
    recording_trained: np.ndarray  # `elsewhere`, but of recordings that trained the model
    learned: Mapping[str, bool]  # for "face" and "voice", whether the model has learned any

    def nothing_left(self, labels: FeatureLabels, speakers: tuple[str, ...], mode: str) -> str:
        """Return why there is no clip to measure on, and what to do."""
        if self.unknown.any():
            other = next(labels.speaker[i] for i in np.flatnonzero(self.unknown))
            return (
                f"of the new clips in the table, none is of a speaker of this model: '{other}' is not among "
                f"its {len(speakers)}, the first of whom is '{speakers[0]}'. Extract clips of its speakers "
                "under the same names."
            )
        if self.answered.any():
            return (
                f"every clip in the table, or its recording, trained this model, and mode {mode} needs clips "
                "that did not. Use mode single, or train with --holdout 0.25."
            )
        return (
            "every clip in the table, or its recording, trained this model, and none could be held out "
            "on the way, so nothing can be measured. Extract other recordings of its speakers."
        )

    def notes(self, mode: str) -> list[str]:
        """Return what the settings do not cover."""
        notes = [_LACKING[name] for name, has in self.learned.items() if not has]
        held_out = (self.measured & self.same).any()
        if mode != "single" and self.learned["voice"] and self.answered.any() and not held_out:
            notes.append(
                f"In mode {mode}, P3 and P4 are measured only on clips that did not train the model: train "
                "with --holdout 0.25 to have some, or run `mraf polysim dev`."
            )
        if self.recording_trained.any():
            notes.append(
                f"Left out of P5 and P6: {_clips(self.recording_trained)} of recordings that trained the "
                "model in another language."
            )
        unnamed = self.measured & ~self.same & (self.language == "")
        if unnamed.any():
            notes.append(
                f"Left out of P3 to P6: {_clips(unnamed)} without a language, as it may be one of training."
            )
        return notes


def select(
    labels: FeatureLabels,
    model: "Checkpoint",
    trained: "TrainedOn",
    *,
    learned: Mapping[str, bool],
    other: str | None = None,
) -> Selection:
    """Select the clips of a table that measure a model.

    Args:
        labels: the feature table.
        model: to measure.
        trained: the clips that trained it.
        learned: for "face" and "voice", whether the model has learned any.
        other: language of P5 and P6, by default all that did not train the model.

    Raises UsageError for a language `other` that no clip is in, or that trained the model.
    """
    languages = set(model.meta.get("languages", []))
    language = np.array([name or "" for name in labels.language], object)
    same = np.isin(language, list(languages))
    elsewhere = np.isin(language, list(_other_languages(labels, other, languages)))
    speakers = set(model.labels)
    known = np.array([speaker in speakers for speaker in labels.speaker], bool)
    unseen = unseen_clips(labels, trained, by_clip=model.meta.get("heldout_by") == "clip")
    content = np.array([digest in trained.content for digest in labels.source_hash], bool)
    answered = np.array([digest in trained.out_of_fold for digest in labels.source_hash], bool)
    return Selection(
        language=language,
        new=unseen & known,
        measured=unseen & known & ~_mute(labels, learned),
        answered=answered & known & same & ~unseen,
        unknown=unseen & ~known,
        same=same,
        elsewhere=elsewhere,
        recording_trained=known & elsewhere & ~unseen & ~content,
        learned=learned,
    )


def unseen_clips(
    labels: FeatureLabels, trained: "TrainedOn", *, by_clip: bool = False
) -> np.ndarray:
    """Return `[N]` bool: True for clips of named speakers that are new to a model.

    Neither the clip nor any of its recording has trained the model, in whatever language; where single
    clips were held out (`by_clip`), others of the recording in the same language may have.
    """
    names = recordings_of(labels)
    recordings: list[Recording] = [(each[0], each[1], each[2]) for each in trained.recordings]
    seen = set(sources_of(recordings, filter(None, names)))
    rows = zip(names, sources_of(names, recordings), labels.source_hash, strict=True)
    return np.array(
        [
            name is not None
            and (source not in seen or (by_clip and name in trained.recordings))
            and digest not in trained.content
            for name, source, digest in rows
        ],
        bool,
    )


def _other_languages(labels: FeatureLabels, other: str | None, trained: set[str]) -> set[str]:
    """Return the languages of P5 and P6: the one asked for, or all named ones that did not train.

    Raises UsageError for a language that no clip is in, or that trained the model.
    """
    left = set(filter(None, labels.language)) - trained
    wanted = match_languages(labels, [other] if other else None)
    if wanted is None or wanted <= left:
        return left if wanted is None else wanted
    remedy = (
        f"choose another for P5 and P6 (there are: {', '.join(sorted(left))})"
        if left
        else "the table has no other: train with --language on one of several"
    )
    raise UsageError(f"'{other}' is a language that trained this model; {remedy}.")


def _mute(labels: FeatureLabels, learned: Mapping[str, bool]) -> np.ndarray:
    """Return `[N]` bool: True for clips that have nothing but what the model has not learned."""
    face, voice = labels.face_present, labels.voice_present
    return (face | voice) & ~(face & learned["face"]) & ~(voice & learned["voice"])


def _clips(which: np.ndarray) -> str:
    number = int(which.sum())
    return "1 clip" if number == 1 else f"{number} clips"
