"""Power spectra of a wave inside a network, as a convolution that every processor runs fast."""

from torch import Tensor, nn

HOP = 160
"""Samples from the start of a frame to that of the next, 10 ms."""


class Spectrum(nn.Module):
    """Turns waves `[B, N]` into the sine and cosine terms of their frames, `[B, 2F, T]`.

    Frame t is the product of `basis` with the samples from `HOP * t` on; T is the number of whole
    frames in the wave. A convolution over single samples with a stride of `HOP` gives the same, and
    takes OpenVINO five times as long, since it has one input channel. Here the wave is cut into
    blocks of `HOP` samples, which are the channels of a convolution over whole blocks.

    Args:
        basis: `[2F, W]`, which turns a frame of W samples into F cosine and F sine terms.
    """

    weight: Tensor

    def __init__(self, basis: Tensor) -> None:
        super().__init__()
        self.size = basis.shape[1]
        self.blocks = -(-self.size // HOP)  # that a frame reaches into
        whole = nn.functional.pad(basis, (0, self.blocks * HOP - self.size))
        # [2F, blocks * HOP] -> [2F, HOP, blocks]: the sample within its block, the block.
        blocks = whole.unflatten(1, (self.blocks, HOP)).transpose(1, 2)
        self.register_buffer("weight", blocks.contiguous())

    def forward(self, wave: Tensor) -> Tensor:
        """Return the terms of the whole frames; a rest of the wave is left out."""
        frames = (wave.shape[1] - self.size) // HOP + 1
        # The last block of the last frame may reach beyond the wave, where its weights are zero.
        padded = nn.functional.pad(wave, (0, self.blocks * HOP))
        used = padded[:, : (frames + self.blocks - 1) * HOP]
        return nn.functional.conv1d(used.unflatten(1, (-1, HOP)).transpose(1, 2), self.weight)
