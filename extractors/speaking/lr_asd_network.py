"""LR-ASD, the network that tells which visible face speaks, as torch modules."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, max_pool3d, relu

SIZE = 128
"""Numbers in which each encoder describes a picture or its sound."""
MEAN, DEVIATION = 0.4161, 0.1688
"""Of the pictures it was trained on, from 0 to 1."""
EPSILON = 1e-3
"""Added to the variance by every normalisation."""
CHANNELS = ((1, 32), (32, 64), (64, SIZE))
"""Channels into and out of the blocks of both encoders."""


class LrAsdNetwork(nn.Module):
    """All of it, with its parts named as in the published weights (Liao et al., 2025).

    Its first part, `model.visualEncoder`, which turns pictures of a face into lips, is run on its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.ModuleDict(
            {
                "visualEncoder": VisualEncoder(),
                "audioEncoder": SoundEncoder(),
                "fusion": Gate(2 * SIZE),
                "detector": Detector(),
            }
        )
        self.lossAV = nn.ModuleDict({"FC": nn.Linear(SIZE, 2)})

    def forward(self, lips: Tensor, sound: Tensor) -> Tensor:
        """Turn lips `[B, T, 128]` and sound `[B, 4 T, 13]` into scores `[B, T]`, above 0 where the face speaks."""
        both = torch.cat([self.model["audioEncoder"](sound), lips], dim=2)
        attended = self.model["fusion"](both)
        speaks: Tensor = self.lossAV["FC"](self.model["detector"](attended))[..., 1]
        return speaks


class VisualEncoder(nn.Module):
    """Convolutions in the picture and over time in turn; a tick sees nine on either side."""

    def __init__(self) -> None:
        super().__init__()
        for number, (before, after) in enumerate(CHANNELS, start=1):
            shape = {"s": (1, 5, 5), "t": (5, 1, 1)}
            self.add_module(f"block{number}", Block(nn.Conv3d, before, after, shape, number == 1))

    def forward(self, faces: Tensor) -> Tensor:
        """Turn `[B, T, 112, 112]`, 0 to 255, into `[B, T, 128]`."""
        x = ((faces.float() / 255 - MEAN) / DEVIATION)[:, None]
        for number in (1, 2):
            x = self.get_submodule(f"block{number}")(x)
            x = max_pool3d(x, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        x = self.get_submodule("block3")(x)
        return x.amax(dim=(3, 4)).transpose(1, 2)


class SoundEncoder(nn.Module):
    """Convolutions over the coefficients and over time in turn."""

    def __init__(self) -> None:
        super().__init__()
        for number, (before, after) in enumerate(CHANNELS, start=1):
            shape = {"m": (5, 1), "t": (1, 5)}
            self.add_module(f"block{number}", Block(nn.Conv2d, before, after, shape))

    def forward(self, sound: Tensor) -> Tensor:
        """Turn `[B, 4 T, 13]` into `[B, T, 128]`."""
        x = sound.transpose(1, 2)[:, None]
        for number in (1, 2):
            x = self.get_submodule(f"block{number}")(x)
            x = max_pool2d(x, (1, 3), stride=(1, 2), padding=(0, 1))
        x = self.get_submodule("block3")(x)
        return x.mean(dim=2).transpose(1, 2)


class Block(nn.Module):
    """Four convolutions: a wide and a narrow one along each kind of axis, all followed by ReLU.

    Args:
        kind: class of the convolutions.
        before: channels of the input.
        after: channels of the output; the first convolution makes half of them.
        shapes: the wide kernel along each kind of axis, by the letter that names it.
        halve: let the first convolution step by two along its axes.
    """

    def __init__(
        self,
        kind: type[nn.Conv2d] | type[nn.Conv3d],
        before: int,
        after: int,
        shapes: Mapping[str, tuple[int, ...]],
        halve: bool = False,
    ) -> None:
        super().__init__()
        self._names: list[tuple[str, str]] = []
        normalise = nn.BatchNorm3d if kind is nn.Conv3d else nn.BatchNorm2d
        channels = before
        for letter, wide in shapes.items():
            for number, most in ((1, 5), (2, 3)):
                shape = tuple(min(each, most) for each in wide)
                starts = not self._names
                into = after // 2 if starts else after
                step = tuple(2 if halve and starts and each > 1 else 1 for each in shape)
                padding = tuple(each // 2 for each in shape)
                names = (f"{letter}_{number}", f"{letter}_norm_{number}")
                self.add_module(
                    names[0],
                    kind(channels, into, shape, stride=step, padding=padding, bias=False),  # type: ignore[arg-type]
                )
                self.add_module(names[1], normalise(into, eps=EPSILON))
                self._names.append(names)
                channels = into

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, before, ...]` into `[B, after, ...]`."""
        for convolution, norm in self._names:
            x = relu(self.get_submodule(norm)(self.get_submodule(convolution)(x)))
        return x


class Gate(nn.Module):
    """Attention to some of the numbers: each is multiplied by a share that all of its tick decide."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.attention = nn.Conv1d(size, size, 1, bias=False)
        self.bn = nn.BatchNorm1d(size, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, T, size]` into the same shape."""
        share = self.bn(self.attention(x.transpose(1, 2))).sigmoid()
        return x * share.transpose(1, 2)


class Detector(nn.Module):
    """A recurrent layer in each direction of time, then a gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gru_forward = nn.GRU(2 * SIZE, SIZE // 2, batch_first=True)
        self.gru_backward = nn.GRU(2 * SIZE, SIZE // 2, batch_first=True)
        self.attention = Gate(SIZE)

    def forward(self, x: Tensor) -> Tensor:
        """Turn `[B, T, 256]` into `[B, T, 128]`."""
        forward = self.gru_forward(x)[0]
        backward = self.gru_backward(x.flip(1))[0].flip(1)
        attended: Tensor = self.attention(torch.cat([forward, backward], dim=2))
        return attended
