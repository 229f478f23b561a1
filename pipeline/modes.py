"""The three ways of using a test set, which are never mixed: single, setting, cross."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mraf.errors import UsageError, choices
from mraf.types import Features, Posterior

if TYPE_CHECKING:
    from mraf.inference.prediction import Model
    from mraf.inference.propagation import SettingClips

MODES = {
    "single": "each clip alone",
    "setting": "with the other unlabelled clips of the same setting",
    "cross": "with the other unlabelled clips, and their faces even where faces are hidden",
}

Answer = tuple[np.ndarray, np.ndarray]
"""Probabilities `[N, C]` of the same clips with their faces, and with the faces hidden."""


def probabilities(model: "Model", parts: Sequence[Features], mode: str) -> list[Answer]:
    """Return a model's probabilities in a mode, for the clips of each part, such as a language.

    Rows without face and voice are NaN. In `single` and `setting` the probabilities with hidden
    faces do not depend on the faces. In no mode does one part depend on another.

    Raises UsageError for an unknown mode.
    """
    from mraf.inference.prediction import predict

    if mode not in MODES:
        raise UsageError(f"There is no mode '{mode}' {choices(mode, MODES)}")
    pairs = [(predict(model, clips), predict(model, clips.without_face())) for clips in parts]
    if mode == "single":
        return [(complete.probability, voice.probability) for complete, voice in pairs]
    from mraf.inference.propagation import propagate_cross, propagate_setting

    starts = [(_setting_clips(complete), _setting_clips(voice)) for complete, voice in pairs]
    if mode == "setting":
        return [
            (propagate_setting(complete), propagate_setting(voice)) for complete, voice in starts
        ]
    return [propagate_cross(complete, voice) for complete, voice in starts]


def _setting_clips(posterior: Posterior) -> "SettingClips":
    """Return the input of propagation; a clip without face and voice has no vector and no answer."""
    from mraf.inference.propagation import SettingClips

    assert posterior.face_embedding is not None and posterior.voice_embedding is not None
    face_present = np.asarray(np.isfinite(posterior.face_embedding).all(axis=1))
    clips = SettingClips(
        probability=posterior.probability,
        voice=np.nan_to_num(posterior.voice_embedding),
        voice_present=np.asarray(np.isfinite(posterior.voice_embedding).all(axis=1)),
    )
    if not face_present.any():
        return clips
    return replace(clips, face=np.nan_to_num(posterior.face_embedding), face_present=face_present)
