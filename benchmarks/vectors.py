"""Vectors of the same clips by several ways: how far they agree, and how well they tell people apart."""

from pathlib import Path

import numpy as np

TITLES = {
    "face": "FaceNet, untrained",
    "voice": "ECAPA-TDNN, untrained",
    "face_trained": "dlib",
    "voice_trained": "CAM++",
}
"""The columns of a file of vectors; those with trained weights can tell people apart."""


def unit(vector: np.ndarray) -> np.ndarray:
    """Return the vector at length 1."""
    return vector / np.linalg.norm(vector)


def keep(path: Path, columns: dict[str, list[np.ndarray | None]]) -> None:
    """Write columns of vectors, one a clip; a missing one becomes NaN."""
    arrays = {}
    for name, vectors in columns.items():
        dim = next((len(v) for v in vectors if v is not None), 1)
        lost = np.full(dim, np.nan, np.float32)
        arrays[name] = np.stack([lost if v is None else unit(v) for v in vectors])
    np.savez(path, **arrays)


def present(vectors: np.ndarray) -> np.ndarray:
    """Return a mask `[N]` of the clips that have a vector."""
    return ~np.isnan(vectors[:, 0])


def cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the cosines `[M]` of the clips that have a vector in both `[N, D]`."""
    both = present(a) & present(b)
    return (a[both] * b[both]).sum(axis=1) if both.any() else np.zeros(0)


def neighbours(vectors: np.ndarray, speakers: np.ndarray) -> float:
    """Return the share of clips whose nearest other clip is of the same speaker."""
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    return float((speakers[similarity.argmax(axis=1)] == speakers).mean())


def equal_error_rate(vectors: np.ndarray, speakers: np.ndarray) -> float:
    """Return the error rate, over all pairs of clips, at which both kinds of error are as frequent.

    NaN where no two clips are of one speaker, or none of two.
    """
    first, second = np.triu_indices(len(vectors), 1)
    score = (vectors @ vectors.T)[first, second]
    same = speakers[first] == speakers[second]
    if same.all() or not same.any():
        return float("nan")
    order = np.argsort(score, kind="stable")
    same = same[order]
    # With the threshold above pair i: the pairs of one speaker up to it are refused, the other pairs
    # after it are accepted.
    refused = np.concatenate([[0], np.cumsum(same)]) / same.sum()
    accepted = 1 - np.concatenate([[0], np.cumsum(~same)]) / (~same).sum()
    nearest = np.abs(refused - accepted).argmin()
    return float((refused[nearest] + accepted[nearest]) / 2)
