"""The three ways of using a test set, which are never mixed: single, setting, cross."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mraf.errors import UsageError, choices
from mraf.types import Features, Posterior

if TYPE_CHECKING:
    from mraf.prediction import Network
    from mraf.propagation import SettingClips

MODES = {
    "single": "each clip alone",
    "setting": "with the other unlabelled clips of the same setting",
    "cross": "with the other unlabelled clips, and their faces even where faces are hidden",
}

Answer = tuple[np.ndarray, np.ndarray]
"""Probabilities `[N, C]` of the same clips with their faces, and with the faces hidden."""


def probabilities(model: "Network", parts: Sequence[Features], mode: str) -> list[Answer]:
    """What a model says in a mode of the clips of each part, such as a language.

    Rows in which nothing was present are NaN. In `single` and `setting` what is said with the faces
    hidden does not depend on the faces. In none does one part depend on another.

    Raises UsageError for another mode.
    """
    from mraf.prediction import predict

    if mode not in MODES:
        raise UsageError(f"There is no mode '{mode}' {choices(mode, MODES)}")
    said = [(predict(model, clips), predict(model, clips.without_face())) for clips in parts]
    if mode == "single":
        return [(complete.probability, voice.probability) for complete, voice in said]
    from mraf.propagation import propagate_cross, propagate_setting

    pairs = [(_clips(complete), _clips(voice)) for complete, voice in said]
    if mode == "setting":
        return [
            (propagate_setting(complete), propagate_setting(voice)) for complete, voice in pairs
        ]
    return [propagate_cross(complete, voice) for complete, voice in pairs]


def _clips(said: Posterior) -> "SettingClips":
    """What propagation starts from. A clip that lacks both has neither vector nor answer."""
    from mraf.propagation import SettingClips

    assert said.face_embedding is not None and said.voice_embedding is not None
    seen = np.asarray(np.isfinite(said.face_embedding).all(axis=1))
    heard = np.asarray(np.isfinite(said.voice_embedding).all(axis=1))
    voice, face = np.nan_to_num(said.voice_embedding), np.nan_to_num(said.face_embedding)
    if not seen.any():
        return SettingClips(said.probability, voice, heard)
    return SettingClips(said.probability, voice, heard, face, seen)
