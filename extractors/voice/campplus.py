"""CAM++: speech to 192 numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mraf.extractors import openvino
from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.voice.pieces import embed_pieces
from mraf.extractors.weights import Weights, fill


class CampPlus:
    """3D-Speaker's CAM++, trained on 200,000 speakers of Mandarin and English (Wang et al., 2023)."""

    name, dim = "campplus", 192

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        # Two networks: the second may run in half precision, the features never.
        self._features = openvino.load(
            f"{self.name}-features", "kaldi 2", _features, device=device, threads=threads
        )

        def build() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _network(weights.load()), (torch.zeros(1, 2 * 98, 80),)

        self._net = openvino.load(self.name, weights.sha256, build, device=device, threads=threads)
        self._device = device

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Return `[B, 192]` vectors; their length is the network's own, about 13."""
        return embed_pieces(waves, self._embed, self._device)

    def _embed(self, batch: np.ndarray) -> np.ndarray:
        return self._net(*self._features(batch))[0]


def _features() -> tuple[Any, tuple[Any, ...]]:
    import torch

    from mraf.extractors.voice.kaldi import FilterBank

    return FilterBank().eval(), (torch.zeros(1, 2 * SAMPLE_RATE),)


def _network(state: dict[str, Any]) -> Any:
    from mraf.extractors.voice.campplus_network import CampPlusNetwork

    module = CampPlusNetwork().eval()
    fill(module, state)
    return module
