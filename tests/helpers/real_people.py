"""Tests of the published weights, where they are on this machine, on real people."""

from pathlib import Path

import numpy as np
import pytest

from mraf.extractors import weights
from mraf.extractors.encoders import EncoderSpec


def published(name: str) -> EncoderSpec:
    """The encoder with its published weights, from MRAF_WEIGHTS or the cache; skips without them."""
    file = weights.PUBLISHED[name]
    path = weights.find(file)
    if path is None:
        pytest.skip(f"no {file.filename} in {' or '.join(map(str, weights.folders()))}")
    return EncoderSpec(name=name, weights=path, sha256=file.sha256)


def campplus() -> weights.Weights:
    """The published weights of CAM++; skips without them."""
    import torch

    spec = published("campplus")
    assert spec.weights and spec.sha256
    path = spec.weights
    return weights.Weights(sha256=spec.sha256, load=lambda: torch.load(path, weights_only=True))


def clips_of(folder: Path) -> tuple[list[Path], np.ndarray]:
    """The first and the last clip of each speaker below a folder, and who speaks in them."""
    clips, speakers = [], []
    for speaker in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = sorted(speaker.rglob("*.mp4"))
        clips += [found[0], found[-1]]
        speakers += [speaker.name] * 2
    return clips, np.array(speakers)


def check_apart(vectors: np.ndarray, speakers: np.ndarray) -> None:
    """Clips of one person are more alike than clips of two: nine in ten, and by far on average."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = unit @ unit.T
    same = speakers[:, None] == speakers
    np.fill_diagonal(cosine, -2)
    nearest = speakers[cosine.argmax(axis=1)]
    assert len(set(speakers)) >= 4
    assert (nearest == speakers).mean() >= 0.9
    assert cosine[same & (cosine > -2)].mean() > cosine[~same].mean() + 0.25
