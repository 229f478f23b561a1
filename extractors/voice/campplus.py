"""CAM++: speech to 192 numbers."""

from typing import Any

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.voice.two_graphs import TwoGraphs
from mraf.extractors.weights import Weights, fill


class CampPlus(TwoGraphs):
    """3D-Speaker's CAM++, trained on 200,000 speakers of Mandarin and English (Wang et al., 2023).

    Its vectors have 192 numbers; their length is the network's own, about 13.
    """

    name, dim = "campplus", 192
    different = 0.35

    def __init__(
        self, weights: Weights, device: str = "cpu", threads: int = 1, precision: str = "single"
    ) -> None:
        def network() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _network(weights.load()), (torch.zeros(1, 2 * 98, 80),)

        super().__init__(
            self.name,
            features=_features,
            features_source="kaldi 3",
            network=network,
            network_source=weights.sha256,
            device=device,
            threads=threads,
            precision=precision,
        )


def _features() -> tuple[Any, tuple[Any, ...]]:
    import torch

    from mraf.extractors.voice.kaldi import FilterBank

    return FilterBank().eval(), (torch.zeros(1, 2 * SAMPLE_RATE),)


def _network(state: dict[str, Any]) -> Any:
    from mraf.extractors.voice.campplus_network import CampPlusNetwork

    module = CampPlusNetwork().eval()
    fill(module, state)
    return module
