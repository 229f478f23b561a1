"""Cut long speech into pieces, and put pieces of the same length through a network together."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from mraf.extractors.media.read import SAMPLE_RATE

PIECE_SECONDS = 20.0
"""Longest speech that goes through in one piece: memory grows by up to 18 MB a second."""
GPU_SECONDS = 16 * PIECE_SECONDS
"""Length of the speech that goes through together on a GPU."""


def embed_pieces(
    waves: Sequence[np.ndarray], network: Callable[[np.ndarray], np.ndarray], device: str = "cpu"
) -> np.ndarray:
    """Embed each wave in equal pieces of at most `PIECE_SECONDS`, and average their vectors.

    Pieces of the same length go through together; pieces of different lengths do not, since padding
    would change their vectors.

    Args:
        waves: arrays `[N]` float32 at 16 kHz, at least one.
        network: turns `[K, N]` samples into `[K, D]` vectors.
        device: where the network runs; a GPU takes more speech at once.

    Returns:
        `[B, D]` float32.
    """
    seconds = PIECE_SECONDS if device == "cpu" else GPU_SECONDS
    pieces = [piece for wave in waves for piece in _pieces(wave)]
    vectors: list[np.ndarray] = [np.empty(0)] * len(pieces)
    for some in _of_one_length(pieces, round(seconds * SAMPLE_RATE)):
        for i, vector in zip(some, network(np.stack([pieces[i] for i in some])), strict=True):
            vectors[i] = vector
    ends = np.cumsum([len(_pieces(wave)) for wave in waves])
    return np.stack([each.mean(axis=0) for each in np.split(np.stack(vectors), ends[:-1])])


def _pieces(wave: np.ndarray) -> list[np.ndarray]:
    """Split a wave into equal pieces of at most `PIECE_SECONDS`."""
    return np.array_split(wave, -(-len(wave) // round(PIECE_SECONDS * SAMPLE_RATE)))


def _of_one_length(pieces: list[np.ndarray], samples: int) -> Iterator[list[int]]:
    """Yield the positions of pieces of the same length, in batches of about `samples` samples."""
    for length in dict.fromkeys(map(len, pieces)):
        same = [i for i, piece in enumerate(pieces) if len(piece) == length]
        step = max(1, samples // length)
        yield from (same[start : start + step] for start in range(0, len(same), step))
