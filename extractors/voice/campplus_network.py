"""The network CAM++ (Wang et al., 2023, arXiv 2303.00332), from the whole to its parts.

The names of the parts are those of the published weights. Shapes: B waves, T frames of 10 ms, C
channels, S segments.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from mraf.extractors.voice.kaldi import MELS

DIM = 192
"""Number of numbers that come out."""
HEAD = 32
"""Channels of the head."""
GROWTH = 32
"""Channels that each layer of a dense block adds."""
BOTTLENECK = 128
"""Channels within a layer of a dense block."""
BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Number of layers and dilation of each dense block."""
SEGMENT = 100
"""Frames that share a mask; a frame of the dense blocks is 20 ms."""


class CampPlusNetwork(nn.Module):
    """A head of convolutions over time and frequency, then dense blocks over time, then statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head()
        channels = BOTTLENECK
        parts: list[tuple[str, nn.Module]] = [("tdnn", TimeDelay(HEAD * MELS // 8, channels))]
        for number, (layers, dilation) in enumerate(BLOCKS, start=1):
            parts += [(f"block{number}", DenseBlock(layers, channels, dilation))]
            channels += layers * GROWTH
            parts += [(f"transit{number}", Transit(channels, channels // 2))]
            channels //= 2
        parts += [("out_nonlinear", nonlinear(channels)), ("stats", Statistics())]
        parts += [("dense", Dense(2 * channels, DIM))]
        self.xvector = nn.Sequential(OrderedDict(parts))

    def forward(self, bands: Tensor) -> Tensor:
        """Turn `[B, T, 80]` logarithms of mel energies, less their mean over time, into `[B, 192]`."""
        return self.xvector(self.head(bands.transpose(1, 2)))


class Head(nn.Module):
    """Residual blocks on the picture of frequency and time; frequency shrinks to an eighth."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = convolution(1, HEAD)
        self.bn1 = nn.BatchNorm2d(HEAD)
        self.layer1 = nn.Sequential(Residual(2), Residual(1))
        self.layer2 = nn.Sequential(Residual(2), Residual(1))
        self.conv2 = convolution(HEAD, HEAD, stride=2)
        self.bn2 = nn.BatchNorm2d(HEAD)

    def forward(self, bands: Tensor) -> Tensor:
        """Turn `[B, 80, T]` into `[B, 320, T]`."""
        x = torch.relu(self.bn1(self.conv1(bands[:, None])))
        x = self.layer2(self.layer1(x))
        x = torch.relu(self.bn2(self.conv2(x)))
        return x.flatten(1, 2)


class Residual(nn.Module):
    """Two convolutions and a way round them; the first has a stride along frequency."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.conv1 = convolution(HEAD, HEAD, stride=stride)
        self.bn1 = nn.BatchNorm2d(HEAD)
        self.conv2 = convolution(HEAD, HEAD)
        self.bn2 = nn.BatchNorm2d(HEAD)
        self.shortcut = nn.Sequential()
        if stride > 1:
            narrow = convolution(HEAD, HEAD, size=1, stride=stride)
            self.shortcut = nn.Sequential(narrow, nn.BatchNorm2d(HEAD))

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, 32, F, T]` into `[B, 32, F / stride, T]`."""
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class TimeDelay(nn.Module):
    """The step from the head to the dense blocks, which halves the number of frames."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 5, stride=2, padding=2, bias=False)
        self.nonlinear = nonlinear(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, 320, T]` into `[B, 128, T / 2]`."""
        return self.nonlinear(self.linear(x))


class DenseBlock(nn.Sequential):
    """Layers of which each sees the outputs of all before it."""

    def __init__(self, layers: int, channels: int, dilation: int) -> None:
        inputs = (channels + i * GROWTH for i in range(layers))
        named = [(f"tdnnd{i}", DenseLayer(c, dilation)) for i, c in enumerate(inputs, start=1)]
        super().__init__(OrderedDict(named))

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, C, T]` into `[B, C + layers * 32, T]`."""
        within = segments(x)
        for layer in self:
            x = torch.cat([x, layer(x, within)], dim=1)
        return x


def segments(x: Tensor) -> Tensor:
    """Return `[T, S]`: 1 where a frame of `x` `[B, C, T]` lies in a segment. The last may be short.

    As a matrix, since OpenVINO's pooling is wrong where there is less than one segment.
    """
    frames = x.shape[2]
    of_frame = torch.arange(frames, device=x.device) // SEGMENT
    numbers = torch.arange((frames + SEGMENT - 1) // SEGMENT, device=x.device)
    return (of_frame[:, None] == numbers).to(x.dtype)


class DenseLayer(nn.Module):
    """A layer of a dense block."""

    def __init__(self, inputs: int, dilation: int) -> None:
        super().__init__()
        self.nonlinear1 = nonlinear(inputs)
        self.linear1 = nn.Conv1d(inputs, BOTTLENECK, 1, bias=False)
        self.nonlinear2 = nonlinear(BOTTLENECK)
        self.cam_layer = MaskedConvolution(dilation)

    def forward(self, x: Tensor, within: Tensor) -> Tensor:
        """Turn `[B, C, T]` into `[B, 32, T]`."""
        return self.cam_layer(self.nonlinear2(self.linear1(self.nonlinear1(x))), within)


class MaskedConvolution(nn.Module):
    """A convolution whose outputs are masked by the context: its segment, and all of the speech."""

    def __init__(self, dilation: int) -> None:
        super().__init__()
        self.linear_local = nn.Conv1d(
            BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False
        )
        self.linear1 = nn.Conv1d(BOTTLENECK, BOTTLENECK // 2, 1)
        self.linear2 = nn.Conv1d(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, x: Tensor, within: Tensor) -> Tensor:
        """Turn `[B, 128, T]` into `[B, 32, T]`."""
        # One mask a segment: the same as of a context repeated for each frame, for less work.
        context = x.mean(dim=2, keepdim=True) + x @ (within / within.sum(dim=0))
        mask = torch.sigmoid(self.linear2(torch.relu(self.linear1(context))))
        return self.linear_local(x) * (mask @ within.T)


class Transit(nn.Module):
    """The step between two dense blocks, which halves the number of channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.nonlinear = nonlinear(inputs)
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, C, T]` into `[B, C / 2, T]`."""
        return self.linear(self.nonlinear(x))


class Statistics(nn.Module):
    """Mean and standard deviation over time."""

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, C, T]` into `[B, 2 * C]`."""
        with torch.autocast(x.device.type, enabled=False):  # squares overflow half precision
            x = x.float()
            return torch.cat([x.mean(dim=2), x.std(dim=2)], dim=1)


class Dense(nn.Module):
    """The last layer, whose outputs are standardised over the training data."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Conv1d(inputs, outputs, 1, bias=False)
        batchnorm = nn.BatchNorm1d(outputs, affine=False)
        self.nonlinear = nn.Sequential(OrderedDict(batchnorm=batchnorm))

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, C]` into `[B, 192]`."""
        return self.nonlinear(self.linear(x[..., None])[..., 0])


def nonlinear(channels: int) -> nn.Sequential:
    """Return batch normalisation and rectification."""
    return nn.Sequential(OrderedDict(batchnorm=nn.BatchNorm1d(channels), relu=nn.ReLU()))


def convolution(inputs: int, outputs: int, size: int = 3, stride: int = 1) -> nn.Conv2d:
    """Return a convolution over frequency and time with a stride along frequency."""
    return nn.Conv2d(inputs, outputs, size, (stride, 1), padding=size // 2, bias=False)
