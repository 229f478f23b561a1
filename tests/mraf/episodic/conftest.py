"""Small options and trained networks, shared by the tests of episodic training."""

import numpy as np
import torch

from mraf.episodic.episodes import TrainingClips
from mraf.episodic.fit import fit_uncalibrated
from mraf.episodic.model import EpisodicMRAF
from mraf.episodic.options import EpisodicOptions
from mraf.inference.prediction import predict
from mraf.network.batches import Batch
from mraf.types import Features
from tests.mraf.conftest import made_features

SIZES = {"dim": 32, "heads": 4, "ffn": 24}
QUICK = EpisodicOptions(**SIZES, episodes=8, warmup=2)
START = EpisodicOptions(**SIZES, episodes=0)


def fitted(features: Features | None = None, options: EpisodicOptions = QUICK) -> EpisodicMRAF:
    """Return an uncalibrated network of the six speakers of `features`."""
    return fit_uncalibrated(made_features() if features is None else features, 6, options)


def training_clips(features: Features, options: EpisodicOptions = QUICK) -> TrainingClips:
    """Return the training clips of six speakers."""
    recording = torch.from_numpy(features.recording)
    return TrainingClips.of(Batch.of(features, "cpu"), recording, 6, options)


def accuracy(model: EpisodicMRAF, features: Features) -> float:
    """Return the top-1 accuracy on clips whose speakers are known."""
    return float((predict(model, features).probability.argmax(axis=1) == features.label).mean())


def same(a, b) -> None:
    """Check that all arrays of two dataclasses are equal."""
    for mine, theirs in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
