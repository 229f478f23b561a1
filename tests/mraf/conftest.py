"""Made-up features shared by the tests of the model."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from mraf.types import Features

SMALL = {"dim": 32, "tokens": 3, "heads": 4, "ffn": 48}


def made_features(
    speakers=6, recordings=3, clips=4, face_dim=10, voice_dim=8, noise=0.25, missing=0.0, seed=0
) -> Features:
    """Clips around a random point for each speaker, a little off it for each recording."""
    random = np.random.default_rng(seed)
    label = np.repeat(np.arange(speakers), recordings * clips)
    recording = np.repeat(np.arange(speakers * recordings), clips)

    def vectors(dim: int, scale: float) -> np.ndarray:
        mean = random.normal(size=(speakers, dim))
        shift = noise * random.normal(size=(speakers * recordings, dim))
        each = noise * random.normal(size=(len(label), dim))
        return (scale * (mean[label] + shift[recording] + each)).astype(np.float32)

    return Features(
        face=vectors(face_dim, 1.0),
        face_present=random.random(len(label)) >= missing,
        voice=vectors(voice_dim, 80.0),
        voice_present=random.random(len(label)) >= missing,
        label=label,
        recording=recording,
    )


@pytest.fixture
def make() -> Callable[..., Features]:
    """The function that makes up features."""
    return made_features


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """A known seed, and one thread: matrices this small only wait for a second one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
