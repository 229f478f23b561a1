"""Voice encoders of two graphs: features of the sound, and the network that embeds them."""

from collections.abc import Sequence

import numpy as np

from mraf.extractors import openvino
from mraf.extractors.voice.pieces import embed_pieces


class TwoGraphs:
    """Runs features in single precision always, and the network in the precision that is asked for.

    In half precision, features would lose what is quiet beside what is loud.

    Args:
        name: of the encoder, and of its graphs.
        features: makes the module `[B, N]` samples to `[B, T, M]` features.
        features_source: identity of its making; another one has it converted anew.
        network: makes the module `[B, T, M]` to `[B, D]`.
        network_source: identity of its weights.
        device: "cpu", or a device of torch.
        threads: of each graph, on a CPU.
        precision: of the network's arithmetic on a CPU.
    """

    def __init__(
        self,
        name: str,
        *,
        features: openvino.Build,
        features_source: str,
        network: openvino.Build,
        network_source: str,
        device: str,
        threads: int,
        precision: str,
    ) -> None:
        self._features = openvino.load(
            f"{name}-features", features_source, features, device=device, threads=threads
        )
        self._net = openvino.load(
            name, network_source, network, device=device, threads=threads, precision=precision
        )
        self._device = device

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Return `[B, D]` vectors of waves `[N]`; speech of more than 20 s goes through in pieces."""
        return embed_pieces(waves, self._embed, self._device)

    def _embed(self, batch: np.ndarray) -> np.ndarray:
        return self._net(*self._features(batch))[0]
