"""Segmentation: which of up to three local speakers speak when, in pieces of 10 s."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from mraf.extractors import openvino, weights
from mraf.extractors.media.read import SAMPLE_RATE

PIECE_SECONDS = 10.0
"""Longest sound that goes through at once; the network was trained on pieces of this length."""
CENTRE, STEP, FIELD = 495, 270, 991
"""Sample in the middle of the first frame, samples from frame to frame, and samples that a frame sees."""
AT_ONCE = 0.3
"""Probability of two at once from which a frame holds both: the network says that too seldom."""
SPEAKERS = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], bool
)
"""The local speakers of each class of the network, `[7, 3]`."""
FIRST_PAIR = 4
"""The first class of two at once."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Piece:
    """The speakers of a piece of sound; those of two pieces have nothing to do with each other."""

    start: int  # its first sample
    stop: int  # the first sample after it
    speaks: np.ndarray  # [T, 3] bool: which of them speak in each frame of 270 samples

    def alone(self, speaker: int) -> np.ndarray:
        """Return `[stop - start]` bool: true where this speaker speaks, and nobody else."""
        frames = self.speaks[:, speaker] & (self.speaks.sum(axis=1) == 1)
        return self._samples(frames)

    @property
    def overlap(self) -> float:
        """Seconds in which two speak at once."""
        return float((self.speaks.sum(axis=1) > 1).sum() * STEP / SAMPLE_RATE)

    def _samples(self, frames: np.ndarray) -> np.ndarray:
        nearest = (np.arange(self.stop - self.start) - CENTRE + STEP // 2) // STEP
        return frames[np.clip(nearest, 0, len(frames) - 1)]


class Segmentation:
    """Pyannote's segmentation-3.0 (Plaquet and Bredin, 2023), at most two speakers at once.

    Args:
        published: its weights.
        device: "cpu", or a device of torch.
        threads: on a CPU.
    """

    name = "segmentation"

    def __init__(self, published: weights.Weights, device: str = "cpu", threads: int = 1) -> None:
        def network() -> tuple[Any, tuple[Any, ...]]:
            import torch

            from mraf.extractors.turns.segmentation_network import SegmentationNetwork

            module = SegmentationNetwork().eval()
            weights.fill(module, published.load())
            return module, (torch.zeros(1, round(PIECE_SECONDS * SAMPLE_RATE)),)

        self._net = openvino.load(
            self.name, published.sha256, network, device=device, threads=threads
        )

    def find(self, wave: np.ndarray) -> list[Piece]:
        """Return the local speakers of `[N]` float32 samples at 16 kHz, in equal pieces of at most 10 s."""
        count = -(-len(wave) // round(PIECE_SECONDS * SAMPLE_RATE))
        edges = np.linspace(0, len(wave), count + 1).astype(int).tolist()
        return [
            Piece(start=start, stop=stop, speaks=SPEAKERS[self._classes(wave[start:stop])])
            for start, stop in itertools.pairwise(edges)
            if stop - start >= FIELD
        ]

    def probabilities(self, waves: np.ndarray) -> np.ndarray:
        """Return the probabilities `[B, T, 7]` of the classes in waves `[B, N]` of up to 10 s."""
        found: np.ndarray = np.exp(self._net(waves)[0])
        return found

    def _classes(self, wave: np.ndarray) -> np.ndarray:
        probability = self.probabilities(wave[None])[0]
        one, two = np.split(probability, [FIRST_PAIR], axis=1)
        at_once = two.sum(axis=1) >= AT_ONCE
        return np.where(at_once, FIRST_PAIR + two.argmax(axis=1), one.argmax(axis=1))
