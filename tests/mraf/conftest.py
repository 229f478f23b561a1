"""Random features, shared by the tests of the model."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from mraf.types import Features

SMALL = {"dim": 32, "tokens": 3, "heads": 4, "ffn": 48}


def made_features(
    speakers=6,
    recordings=3,
    clips=4,
    face_dim=10,
    voice_dim=8,
    noise=0.25,
    missing=0.0,
    seed=0,
    session=0,
) -> Features:
    """Return clips around a random point for each speaker, a little off it for each recording.

    `seed` draws the speakers. With the same counts and dimensions, each `session` gives other
    recordings of the same speakers.
    """
    people = np.random.default_rng(seed)
    others = np.random.default_rng((seed, session))
    label = np.repeat(np.arange(speakers), recordings * clips)
    recording = np.repeat(np.arange(speakers * recordings), clips)

    def of_session(draw: str, size) -> np.ndarray:
        # Drawn from `people` in any case, so that the speakers are the same in every session.
        first = getattr(people, draw)(size=size)
        return getattr(others, draw)(size=size) if session else first

    def vectors(dim: int, scale: float) -> np.ndarray:
        mean = people.normal(size=(speakers, dim))
        shift = noise * of_session("normal", (speakers * recordings, dim))
        each = noise * of_session("normal", (len(label), dim))
        return (scale * (mean[label] + shift[recording] + each)).astype(np.float32)

    return Features(
        face=vectors(face_dim, 1.0),
        face_present=of_session("random", len(label)) >= missing,
        voice=vectors(voice_dim, 80.0),
        voice_present=of_session("random", len(label)) >= missing,
        label=label,
        recording=recording + session * speakers * recordings,
    )


@pytest.fixture
def make() -> Callable[..., Features]:
    """Return `made_features`."""
    return made_features


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Set a known seed, and one thread: a second one slows down matrices this small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
