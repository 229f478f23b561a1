"""Power spectra of a wave inside a network, as a convolution that every processor runs fast."""

from typing import Any

HOP = 160
"""Samples from one frame of a spectrum to the next, 10 ms."""


def make_spectrum(basis: Any) -> Any:
    """Return a torch module that turns waves `[B, N]` into spectra `[B, 2F, T]`.

    Frame t is the product of `basis` with the samples from `HOP * t` on; T is the number of frames
    that the wave holds whole. A convolution over single samples with a stride of `HOP` says the same
    in one line, and takes OpenVINO five times as long: it has one input channel. Here the wave is
    cut into blocks of `HOP` samples, which become the channels of a convolution over whole blocks.

    Args:
        basis: tensor `[2F, W]` that turns a frame of W samples into F cosine and F sine terms.
    """
    import torch
    from torch.nn import functional

    size = basis.shape[1]
    blocks = -(-size // HOP)  # that a frame reaches into

    class Spectrum(torch.nn.Module):
        weight: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            whole = functional.pad(basis, (0, blocks * HOP - size))
            # [2F, blocks * HOP] -> [2F, HOP, blocks]: the sample in its block, the block.
            self.register_buffer(
                "weight", whole.unflatten(1, (blocks, HOP)).transpose(1, 2).contiguous()
            )

        def forward(self, wave: Any) -> Any:
            frames = (wave.shape[1] - size) // HOP + 1
            # The last frame's last block may reach beyond the wave, where its weights are zero.
            padded = functional.pad(wave, (0, blocks * HOP))[:, : (frames + blocks - 1) * HOP]
            return functional.conv1d(padded.unflatten(1, (-1, HOP)).transpose(1, 2), self.weight)

    return Spectrum()
