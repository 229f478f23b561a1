"""LR-ASD: which visible face speaks, from its lips and the sound (Liao et al., 2025)."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mraf.extractors import openvino, weights
from mraf.extractors.speaking.mfcc import COEFFICIENTS, RATE, shifted

SIDE = 112
"""Height and width of the grey pictures of a face that it was trained on; others go through it as well."""
SIZE = 128
"""Numbers in which the network describes the lips at a tick."""
STEPS = 4
"""Frames of the sound for each tick of 1/25 s."""
FIELD = 9
"""Ticks on either side that the lips at a tick depend on."""
PIECES = (50, 100)
"""Lengths, in ticks, of the pieces that a track is cut into; the scores are their mean. Six lengths, from 25 to 150 as
published, tell speaking faces from still ones no better."""
SMOOTH = 5
"""Ticks over which scores are averaged."""


class LipReader:
    """The part of LR-ASD that looks at a face: nearly all of the work.

    Args:
        published: its weights.
        device: "cpu", or a device of torch.
        threads: on a CPU.
        precision: "single" or "bfloat16" of the arithmetic on a CPU.
    """

    name = "lr_asd_lips"

    def __init__(
        self,
        published: weights.Weights,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "single",
    ) -> None:
        def network() -> tuple[Any, tuple[Any, ...]]:
            import torch

            encoder = _filled(published).model["visualEncoder"]
            return encoder, (torch.zeros(1, 25, SIDE, SIDE, dtype=torch.uint8),)

        self._net = openvino.load(
            self.name,
            published.sha256,
            network,
            device=device,
            threads=threads,
            precision=precision,
        )

    def read(self, faces: np.ndarray) -> np.ndarray:
        """Return the lips `[T, 128]` float32 of a face `[T, S, S]` uint8, grey, 25 a second."""
        if not len(faces):
            return np.zeros((0, SIZE), np.float32)
        return self._net(faces[None])[0][0]


class Scorer:
    """The part of LR-ASD that compares lips and sound: little work.

    Args:
        published: its weights.
        device: "cpu", or a device of torch.
        threads: on a CPU.
    """

    name = "lr_asd_scores"

    def __init__(self, published: weights.Weights, device: str = "cpu", threads: int = 1) -> None:
        def network() -> tuple[Any, tuple[Any, ...]]:
            import torch

            lips, sound = torch.zeros(2, 50, SIZE), torch.zeros(2, 50 * STEPS, COEFFICIENTS)
            return _filled(published), (lips, sound)

        self._net = openvino.load(
            self.name, published.sha256, network, device=device, threads=threads
        )

    def score(self, lips: np.ndarray, mfcc: np.ndarray, shift: float = 0.0) -> np.ndarray:
        """Return scores `[T]` float32, above 0 where the face speaks, NaN where it was not looked at.

        Each is the mean over cuts into pieces of 2 and 4 s, and over five ticks.

        Args:
            lips: `[T, 128]` as `LipReader.read` gives them, 25 a second; NaN where not looked at.
            mfcc: `[4 T, 13]` the sound of the same time; what is missing at its end is silence.
            shift: seconds by which the sound comes after the picture, to be put in step first.
        """
        scores = np.full(len(lips), np.nan, np.float32)
        sound = shifted(mfcc, round(shift * RATE), len(lips) * STEPS)
        for start, stop in _runs(np.isfinite(lips).all(axis=1)):
            raw = self._mean_of_cuts(
                lips[start:stop].astype(np.float32), sound[start * STEPS : stop * STEPS]
            )
            scores[start:stop] = _smoothed(raw)
        return scores

    def _mean_of_cuts(self, lips: np.ndarray, sound: np.ndarray) -> np.ndarray:
        # Cuts that leave a run whole are one and the same.
        cuts = dict.fromkeys(min(each, len(lips)) for each in PIECES)
        return np.mean([self._cut(lips, sound, length) for length in cuts], axis=0)

    def _cut(self, lips: np.ndarray, sound: np.ndarray, length: int) -> np.ndarray:
        """Return scores `[T]` of pieces of a length on their own; a last, shorter one as well."""
        count, rest = divmod(len(lips), length)
        whole = count * length
        scores = [
            self._net(
                lips[:whole].reshape(count, length, SIZE),
                sound[: whole * STEPS].reshape(count, length * STEPS, COEFFICIENTS),
            )[0].reshape(-1)
        ]
        if rest:
            scores.append(self._net(lips[None, whole:], sound[None, whole * STEPS :])[0][0])
        return np.concatenate(scores)


def _filled(published: weights.Weights) -> Any:
    """Return the network with its weights. Raises MisfitError if they are another network's."""
    from mraf.extractors.speaking.lr_asd_network import LrAsdNetwork

    module = LrAsdNetwork().eval()
    # The published file also holds a classifier of the lips alone.
    state = {k: v for k, v in published.load().items() if not k.startswith("lossV.")}
    weights.fill(module, state)
    return module


def _runs(wanted: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield start and stop of each run of True in `[T]` bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _smoothed(scores: np.ndarray) -> np.ndarray:
    """Return the mean over five ticks, fewer at the ends."""
    kernel = np.ones(SMOOTH)
    total = np.convolve(scores, kernel)[SMOOTH // 2 :][: len(scores)]
    return total / np.convolve(np.ones(len(scores)), kernel)[SMOOTH // 2 :][: len(scores)]
