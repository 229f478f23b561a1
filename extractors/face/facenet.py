"""FaceNet: faces to 512 numbers."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from mraf.extractors import compat, openvino
from mraf.extractors.weights import Weights, fill

CROPS_AT_ONCE = 128
"""Number of faces that go through the network together."""
SIDE = 160
"""Side of a crop in pixels."""


class FaceNet:
    """InceptionResnetV1 of facenet-pytorch, trained on VGGFace2 (Schroff et al., 2015; 512-d)."""

    name, dim = "facenet", 512
    same, different = 0.5, 0.35

    def __init__(
        self,
        weights: Weights,
        device: str = "cpu",
        threads: int = 1,
        precision: str = "single",
    ) -> None:
        def build() -> tuple[Any, tuple[Any, ...]]:
            import torch

            return _network(weights.load()), (torch.zeros(2, SIDE, SIDE, 3, dtype=torch.uint8),)

        source = f"{weights.sha256} facenet-pytorch {version('facenet-pytorch')}"
        self._net = openvino.load(
            self.name, source, build, device=device, threads=threads, precision=precision
        )

    def embed(self, frames: Sequence[np.ndarray], boxes: np.ndarray) -> np.ndarray:
        """Return `[T, 512]` unit vectors of one face a frame, cropped at its box without a margin."""
        crops = [_crop(frame, box) for frame, box in zip(frames, boxes, strict=True)]
        starts = range(0, len(crops), CROPS_AT_ONCE)
        return np.concatenate(
            [self._net(np.stack(crops[i : i + CROPS_AT_ONCE]))[0] for i in starts]
        )


def _network(state: dict[str, Any]) -> Any:
    """Return the network as a torch module that takes crops `[T, 160, 160, 3]` uint8 RGB."""
    compat.prepare()
    import torch
    from facenet_pytorch import InceptionResnetV1

    class FromPixels(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = InceptionResnetV1(pretrained=None, classify=False)

        def forward(self, pixels: Any) -> Any:
            return self.net((pixels.permute(0, 3, 1, 2).float() - 127.5) / 128)

    module = FromPixels().eval()
    # The published file also holds the classifier of its 8,631 training identities.
    fill(module.net, {k: v for k, v in state.items() if not k.startswith("logits.")})
    return module


def _crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    import cv2

    x1, y1, x2, y2 = (int(v) for v in _inside(box, frame))
    return cv2.resize(frame[y1:y2, x1:x2], (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def _inside(box: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Return the box cut to the frame, at least one pixel wide and high."""
    height, width = frame.shape[:2]
    x1, y1 = min(max(box[0], 0), width - 1), min(max(box[1], 0), height - 1)
    return np.array([x1, y1, max(min(box[2], width), x1 + 1), max(min(box[3], height), y1 + 1)])
