"""ECAPA-TDNN: speech to 192 numbers."""

from importlib.metadata import version
from typing import Any

import numpy as np

from mraf.extractors import compat
from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.voice.two_graphs import TwoGraphs
from mraf.extractors.weights import Weights, fill

MELS = 80
"""Number of mel filters."""


class Ecapa(TwoGraphs):
    """SpeechBrain's ECAPA-TDNN, trained on VoxCeleb (Desplanques et al., 2020).

    Its vectors have 192 numbers; their length is the network's own, about 250. For 120 s in one piece it
    would take two gigabytes.
    """

    name, dim = "ecapa", 192
    different = 0.3

    def __init__(
        self, weights: Weights, device: str = "cpu", threads: int = 1, precision: str = "single"
    ) -> None:
        def network() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _network(weights.load()), (torch.zeros(1, 201, MELS),)

        package = f"speechbrain {version('speechbrain')}"
        super().__init__(
            self.name,
            features=_build_features,
            features_source=package,
            network=network,
            network_source=f"{weights.sha256} {package}",
            device=device,
            threads=threads,
            precision=precision,
        )


def _build_features() -> tuple[Any, tuple[Any, ...]]:
    """Return SpeechBrain's mel filters as a torch module, `[B, N]` to `[B, T, 80]`, and an example."""
    compat.prepare()
    import torch
    from speechbrain.processing.features import STFT, Filterbank

    from mraf.extractors.voice.spectrum import Spectrum

    window = STFT(SAMPLE_RATE).window
    size = len(window)
    angle = torch.outer(torch.arange(size // 2 + 1.0), torch.arange(float(size))) * (
        2 * np.pi / size
    )
    basis = torch.cat([angle.cos(), angle.sin()]) * window  # [402, 400]
    filters = Filterbank(n_mels=MELS, log_mel=False)

    class Features(torch.nn.Module):
        mels: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.spectrum = Spectrum(basis)
            self.register_buffer("mels", filters(torch.eye(size // 2 + 1)[None])[0])

        def forward(self, wave: Any) -> Any:
            with torch.autocast(wave.device.type, enabled=False):  # half precision loses the quiet
                padded = torch.nn.functional.pad(wave, (size // 2, size // 2))
                real, imaginary = self.spectrum(padded).square().chunk(2, dim=1)
                mels = (real + imaginary).transpose(1, 2) @ self.mels  # [B, T, 80]
                decibel = 10 * torch.log10(torch.clamp(mels, min=filters.amin))
                floor = decibel.amax(dim=(1, 2), keepdim=True) - filters.top_db
                limited = torch.maximum(decibel, floor)
                return limited - limited.mean(dim=1, keepdim=True)

    return Features().eval(), (torch.zeros(1, 2 * SAMPLE_RATE),)


def _network(state: dict[str, Any]) -> Any:
    """Return the network as a torch module that takes features `[B, T, 80]` and gives `[B, 192]`."""
    compat.prepare()
    import torch
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    class FromFeatures(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = ECAPA_TDNN(
                MELS,
                channels=[1024, 1024, 1024, 1024, 3072],
                kernel_sizes=[5, 3, 3, 3, 1],
                dilations=[1, 2, 3, 4, 1],
                attention_channels=128,
                lin_neurons=192,
            )

        def forward(self, features: Any) -> Any:
            return self.net(features)[:, 0]

    module = FromFeatures().eval()
    fill(module.net, state)
    module.net.mfa.conv = _as_product(module.net.mfa.conv.conv)
    module.net.asp = _pooling(module.net.asp)
    return module


def _as_product(conv: Any) -> Any:
    """Return a convolution over single frames as a product of matrices, `[B, C, T]` to `[B, C', T]`.

    It has half of the network's arithmetic. As a convolution OpenVINO takes twice or three times as
    long for it at some numbers of frames (300, 400) as at others (380, 401).
    """
    import torch

    class Product(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(conv.in_channels, conv.out_channels)
            self.linear.weight = torch.nn.Parameter(conv.weight[:, :, 0].clone())
            self.linear.bias = conv.bias

        def forward(self, x: Any) -> Any:
            return self.linear(x.transpose(1, 2)).transpose(1, 2)

    return Product()


def _pooling(pooling: Any) -> Any:
    """Return SpeechBrain's attentive pooling (Desplanques et al., 2020, eqs. 1 to 4) in a faster form.

    The attention sees each frame beside the mean and the deviation of all frames. SpeechBrain repeats
    these two for every frame and multiplies 9,216 rows; their product is the same for all frames, so
    here it is computed once and added. That saves an eighth of the network's time in single precision,
    and more in bfloat16, where moving the repeated rows takes longer than multiplying them.
    """
    import torch

    tdnn = pooling.tdnn
    weight, bias = tdnn.conv.conv.weight, tdnn.conv.conv.bias  # [128, 3C, 1], [128]
    channels = weight.shape[1] // 3

    class Pooling(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.of_frame = torch.nn.Conv1d(channels, len(bias), 1, bias=False)
            self.of_clip = torch.nn.Conv1d(2 * channels, len(bias), 1)
            self.of_frame.weight = torch.nn.Parameter(weight[:, :channels].clone())
            self.of_clip.weight = torch.nn.Parameter(weight[:, channels:].clone())
            self.of_clip.bias = bias
            self.then = torch.nn.Sequential(tdnn.activation, tdnn.norm, pooling.tanh, pooling.conv)

        def forward(self, x: Any, lengths: Any = None) -> Any:  # [B, C, T] to [B, 2C, 1]
            mean = x.mean(dim=2, keepdim=True)
            clip = torch.cat([mean, _deviation(x, mean, 1 / x.shape[2])], dim=1)
            attention = self.then(self.of_frame(x) + self.of_clip(clip)).softmax(dim=2)
            mean = (attention * x).sum(dim=2, keepdim=True)
            return torch.cat([mean, _deviation(x, mean, attention)], dim=1)

    def _deviation(x: Any, mean: Any, weights: Any) -> Any:
        square = (weights * (x - mean).square()).sum(dim=2, keepdim=True)
        return square.clamp(min=pooling.eps).sqrt()

    return Pooling().eval()
