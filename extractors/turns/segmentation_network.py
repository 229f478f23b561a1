"""PyanNet, the network of pyannote's segmentation-3.0, as a torch module."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from mraf.extractors.media.read import SAMPLE_RATE

TAPS, STRIDE = 251, 10
"""Length of the first filters in samples, and the step between their outputs."""
LOWEST, NARROWEST = 50.0, 50.0
"""Least lower edge, and least width, of a filter's band in Hz."""
SIZE = 128
"""Numbers in each direction of the recurrent layers, and in the linear layers."""
CLASSES = 7


class SegmentationNetwork(nn.Module):
    """Waves `[B, N]` at 16 kHz to log-probabilities `[B, T, 7]` (Plaquet and Bredin, 2023).

    The classes are: nobody, the first, second or third local speaker, and the pairs (first, second),
    (first, third), (second, third). Frame t is around sample 495 + 270 t.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sincnet = SincNet()
        self.lstm = nn.LSTM(60, SIZE, num_layers=4, bidirectional=True, batch_first=True)
        self.linear = nn.ModuleList([nn.Linear(2 * SIZE, SIZE), nn.Linear(SIZE, SIZE)])
        self.classifier = nn.Linear(SIZE, CLASSES)

    def forward(self, wave: Tensor) -> Tensor:
        """Return `[B, T, 7]`."""
        x = self.lstm(self.sincnet(wave[:, None]).transpose(1, 2))[0]
        for layer in self.linear:
            x = leaky_relu(layer(x))
        return self.classifier(x).log_softmax(dim=-1)


class SincNet(nn.Module):
    """Band-pass filters whose edges are learned, and two convolutions (Ravanelli and Bengio, 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.wav_norm1d = nn.InstanceNorm1d(1, affine=True)
        self.conv1d = nn.ModuleList([First(), nn.Conv1d(80, 60, 5), nn.Conv1d(60, 60, 5)])
        self.norm1d = nn.ModuleList([nn.InstanceNorm1d(n, affine=True) for n in (80, 60, 60)])

    def forward(self, wave: Tensor) -> Tensor:
        """Turn `[B, 1, N]` into `[B, 60, T]`."""
        filtered = self.conv1d[0](self.wav_norm1d(wave)).abs()
        x = self._pooled(filtered, 0)
        x = self._pooled(self.conv1d[1](x), 1)
        return self._pooled(self.conv1d[2](x), 2)

    def _pooled(self, x: Tensor, layer: int) -> Tensor:
        return leaky_relu(self.norm1d[layer](nn.functional.max_pool1d(x, 3)))


class First(nn.Module):
    """The first layer: the published weights name its filters thus."""

    def __init__(self) -> None:
        super().__init__()
        self.filterbank = SincFilters(40)

    def forward(self, wave: Tensor) -> Tensor:
        """Turn `[B, 1, N]` into `[B, 80, T]`."""
        filtered: Tensor = self.filterbank(wave)
        return filtered


class SincFilters(nn.Module):
    """`bands` pairs of band-pass filters, an even one (cosines) and an odd one (sines) each.

    A band from f1 to f2 has the impulse response (sin(f2 t) - sin(f1 t)) / t under a Hamming window;
    its odd companion has cosines in place of the sines. Both are divided by twice the band's width.
    """

    window_: Tensor
    n_: Tensor

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.low_hz_ = nn.Parameter(torch.zeros(bands, 1))
        self.band_hz_ = nn.Parameter(torch.zeros(bands, 1))
        half = TAPS // 2  # samples on either side of the middle
        time = 2 * math.pi * torch.arange(-half, 0.0) / SAMPLE_RATE
        self.register_buffer("n_", time[None])
        self.register_buffer("window_", torch.hamming_window(TAPS, periodic=False)[:half])

    def forward(self, wave: Tensor) -> Tensor:
        """Turn `[B, 1, N]` into `[B, 2 * bands, T]`."""
        return nn.functional.conv1d(wave, self._filters()[:, None], stride=STRIDE)

    def _filters(self) -> Tensor:
        low = LOWEST + self.low_hz_.abs()
        high = (low + NARROWEST + self.band_hz_.abs()).clamp(LOWEST, SAMPLE_RATE / 2)
        width = 2 * (high - low)  # [bands, 1], also the even filter's value in the middle
        before, after = low * self.n_, high * self.n_  # [bands, 125]
        even = (after.sin() - before.sin()) * 2 / self.n_ * self.window_
        odd = (before.cos() - after.cos()) * 2 / self.n_ * self.window_
        return torch.cat(
            [
                torch.cat([even, width, even.flip(1)], dim=1) / width,
                torch.cat([odd, torch.zeros_like(width), -odd.flip(1)], dim=1) / width,
            ]
        )
