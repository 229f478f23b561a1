"""Questions to a model: faces and voices, together and alone, and what each alone answers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mraf.pipeline.answers.people import number
from mraf.types import Features, Posterior

Vector = np.ndarray | None


def features_of(rows: Sequence[tuple[Vector, Vector]], config: Any) -> Features:
    """Return clips of a face and a voice each, either of which may be None.

    `config` is that of a model, which says how long the vectors are.
    """
    return Features(
        face=np.concatenate([_row(face, config.face_dim) for face, _ in rows]),
        face_present=np.array([face is not None for face, _ in rows]),
        voice=np.concatenate([_row(voice, config.voice_dim) for _, voice in rows]),
        voice_present=np.array([voice is not None for _, voice in rows]),
        label=np.full(len(rows), -1),
        recording=np.zeros(len(rows), np.int64),
    )


def first_of(posterior: Posterior, row: int, speakers: Sequence[str]) -> dict[str, Any]:
    """Return the speaker that a face or a voice alone names; nothing where it names nobody.

    The keys are those of `mraf.pipeline.answers.answer.Evidence`: speaker, probability, known.
    """
    probability = posterior.probability[row]
    if np.isnan(probability).any():
        return {}
    known = number(posterior.known, row)
    if not posterior.is_known[row]:
        return {"known": known}
    i = int(probability.argmax())
    return {"speaker": speakers[i], "probability": float(probability[i]), "known": known}


def _row(vector: Vector, dim: int) -> np.ndarray:
    return np.zeros((1, dim), np.float32) if vector is None else vector[None]
