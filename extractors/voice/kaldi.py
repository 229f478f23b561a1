"""Kaldi's mel filter bank, as a torch module."""

import math

import torch
from torch import Tensor, nn

from mraf.extractors.media.read import SAMPLE_RATE
from mraf.extractors.voice.spectrum import HOP, Spectrum

FRAME, FFT = 400, 512
"""Samples in a frame (25 ms), and in the transform."""
MELS = 80
LOWEST = 20.0
"""Lower edge of the first filter in Hz; the upper edge of the last is half the sample rate."""
PRE_EMPHASIS = 0.97
POVEY = 0.85
"""The power of a Hann window that makes Povey's."""
FLOOR = torch.finfo(torch.float32).eps
"""Least energy of a band. Kaldi's samples are 16-bit numbers; ours, in -1..1, reach it in silence."""


class FilterBank(nn.Module):
    """Logarithms of energies in mel bands, less their mean over time.

    The window and the Fourier transform are one convolution (`Spectrum`), which OpenVINO runs faster
    than its own transform. Pre-emphasis comes before it: the quiet high bands stay exact beside loud low ones.
    """

    of_mean: Tensor
    mels: Tensor

    def __init__(self) -> None:
        super().__init__()
        basis = _basis()
        self.spectrum = Spectrum(basis.float())  # basis: [2 * 257, 400]
        of_mean = (1 - PRE_EMPHASIS) * basis.sum(dim=1)  # spectrum of a constant 1
        self.register_buffer("of_mean", of_mean.float()[:, None])  # [2 * 257, 1]
        self.register_buffer("mels", _mels().float())  # [257, 80]

    def forward(self, wave: Tensor) -> Tensor:
        """Turn `[B, N]` samples in -1..1 into `[B, T, 80]`; frames that reach past the end go."""
        with torch.autocast(
            wave.device.type, enabled=False
        ):  # half precision loses the quiet bands
            return self._bands(wave)

    def _bands(self, wave: Tensor) -> Tensor:
        # The window is 0 at the first sample of a frame, so what comes before it does not matter.
        emphasised = wave - PRE_EMPHASIS * nn.functional.pad(wave, (1, -1))
        mean = nn.functional.avg_pool1d(wave[:, None], FRAME, HOP)
        parts = self.spectrum(emphasised) - self.of_mean * mean
        real, imaginary = parts.square().chunk(2, dim=1)
        energy = (real + imaginary).transpose(1, 2) @ self.mels
        bands = energy.clamp(min=FLOOR).log()
        return bands - bands.mean(dim=1, keepdim=True)


def _basis() -> Tensor:
    """Return the matrix from a frame to the real and the imaginary parts of its spectrum."""
    window = torch.hann_window(FRAME, periodic=False, dtype=torch.float64) ** POVEY
    bins = torch.arange(FFT // 2 + 1, dtype=torch.float64)
    angle = torch.outer(bins, torch.arange(FRAME, dtype=torch.float64)) * (2 * math.pi / FFT)
    return torch.cat([angle.cos(), angle.sin()]) * window


def _mels() -> Tensor:
    """Return the weights of the spectrum's bins in each band: triangles, equally wide in mel."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127 * torch.log(1 + hertz / 700)

    ends = mel(torch.tensor([LOWEST, SAMPLE_RATE / 2], dtype=torch.float64))
    edges = torch.linspace(float(ends[0]), float(ends[1]), MELS + 2, dtype=torch.float64)
    bins = mel(torch.arange(FFT // 2 + 1, dtype=torch.float64) * SAMPLE_RATE / FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)
