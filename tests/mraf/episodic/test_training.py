from dataclasses import replace

import numpy as np
import torch

from mraf.episodic.model import EpisodicMRAF
from mraf.episodic.options import EpisodicConfig
from mraf.episodic.start import start
from mraf.episodic.training import train_episodes
from tests.mraf.conftest import made_features
from tests.mraf.episodic.conftest import QUICK, SIZES, training_clips

LONG = replace(QUICK, episodes=60, lr=3e-3)


def trained(options=LONG, seed=0):
    """Return a network, its history, and its weights before training."""
    torch.manual_seed(seed)
    config = EpisodicConfig(face_dim=10, voice_dim=8, classes=6, **SIZES)
    clips, model = training_clips(made_features(noise=0.8)), EpisodicMRAF(config)
    start(model, clips.face, clips.voice, options)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return model, train_episodes(model, clips, options), before


def moved(model, before) -> set[str]:
    return {name for name, x in model.state_dict().items() if not torch.equal(x, before[name])}


def test_losses_fall():
    _, history, _ = trained()
    assert len(history) == 60
    for name in ("total", "voice", "fusion", "voice_alone"):
        first, last = (
            np.mean([each[name] for each in part]) for part in (history[:15], history[-15:])
        )
        assert last < 0.8 * first, name


def test_everything_is_trained_but_the_encoder_of_the_face():
    model, _, before = trained()
    found = moved(model, before)
    assert not any(name.startswith(("face.", "face_input", "voice_input")) for name in found)
    for part in ("voice.", "fusion.", "missing_face", "missing_voice"):
        assert any(name.startswith(part) for name in found), part
    everything, _, before = trained(replace(LONG, face_lr=1.0, episodes=3))
    assert any(name.startswith("face.") for name in moved(everything, before))
    frozen, _, before = trained(replace(LONG, fusion_lr=0.0, episodes=3))
    assert not any(name.startswith("fusion.") for name in moved(frozen, before))


def test_the_network_is_in_eval_mode_afterwards():
    assert not trained(replace(LONG, episodes=1))[0].training
    assert trained(replace(LONG, episodes=0))[1] == []
