"""ECAPA-TDNN: speech to 192 numbers."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from mraf.extractors import compat, openvino
from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.voice.pieces import embed_pieces
from mraf.extractors.weights import Weights, fill


class Ecapa:
    """SpeechBrain's ECAPA-TDNN, trained on VoxCeleb (Desplanques et al., 2020; 192-d)."""

    name, dim = "ecapa", 192

    def __init__(self, weights: Weights, device: str = "cpu", threads: int = 1) -> None:
        def build() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _network(weights.load()), (torch.zeros(1, 2 * SAMPLE_RATE),)

        source = f"{weights.sha256} speechbrain {version('speechbrain')}"
        self._net = openvino.load(self.name, source, build, device=device, threads=threads)
        self._device = device

    def embed(self, waves: Sequence[np.ndarray]) -> np.ndarray:
        """Return `[B, 192]` vectors; their length is the network's own, about 250.

        Long speech is embedded in pieces of at most 20 s: for 120 s in one piece the network takes
        two gigabytes.
        """
        return embed_pieces(waves, lambda batch: self._net(batch)[0], self._device)


def _network(state: dict[str, Any]) -> Any:
    """Return the network with SpeechBrain's mel filters as a torch module that takes `[B, N]`.

    The Fourier transform is a convolution with sines and cosines, which OpenVINO runs faster than
    its own transform.
    """
    compat.prepare()
    import torch
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
    from speechbrain.processing.features import STFT, Filterbank

    window = STFT(SAMPLE_RATE).window
    size = len(window)
    angle = torch.outer(torch.arange(size // 2 + 1.0), torch.arange(float(size))) * (
        2 * np.pi / size
    )
    basis = torch.cat([angle.cos(), angle.sin()]) * window  # [402, 400]
    filters = Filterbank(n_mels=80, log_mel=False)

    class FromWave(torch.nn.Module):
        basis: torch.Tensor
        mels: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("basis", basis[:, None])
            self.register_buffer("mels", filters(torch.eye(size // 2 + 1)[None])[0])
            self.net = ECAPA_TDNN(
                80,
                channels=[1024, 1024, 1024, 1024, 3072],
                kernel_sizes=[5, 3, 3, 3, 1],
                dilations=[1, 2, 3, 4, 1],
                attention_channels=128,
                lin_neurons=192,
            )

        def forward(self, wave: Any) -> Any:
            with torch.autocast(wave.device.type, enabled=False):  # half precision loses the quiet
                features = self.features(wave)
            return self.net(features)[:, 0]

        def features(self, wave: Any) -> Any:
            padded = torch.nn.functional.pad(wave[:, None], (size // 2, size // 2))
            spectrum = torch.nn.functional.conv1d(padded, self.basis, stride=160)
            real, imaginary = spectrum.square().chunk(2, dim=1)
            mels = (real + imaginary).transpose(1, 2) @ self.mels  # [B, frames, 80]
            decibel = 10 * torch.log10(torch.clamp(mels, min=filters.amin))
            floor = decibel.amax(dim=(1, 2), keepdim=True) - filters.top_db
            limited = torch.maximum(decibel, floor)
            return limited - limited.mean(dim=1, keepdim=True)

    module = FromWave().eval()
    fill(module.net, state)
    return module
