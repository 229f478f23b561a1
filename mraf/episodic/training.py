"""Training of the network in episodes."""

from __future__ import annotations

from typing import Any

import torch

from mraf.episodic.episodes import TrainingClips
from mraf.episodic.losses import episode_losses
from mraf.episodic.model import EpisodicMRAF
from mraf.episodic.options import EpisodicOptions


def train_episodes(
    model: EpisodicMRAF, clips: TrainingClips, options: EpisodicOptions
) -> list[dict[str, float]]:
    """Train a network that `start` has prepared; return the losses of each episode.

    The network is in eval mode afterwards. Its heads are not used and stay as they are.
    """
    history: list[dict[str, float]] = []
    groups = _groups(model, options)
    optimizer = torch.optim.Adam(groups, lr=options.lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, options.rate)
    parameters = [each for group in groups for each in group["params"]]
    model.train()
    for _ in range(options.episodes):
        losses = episode_losses(model, clips, clips.episode(options), options)
        optimizer.zero_grad()
        losses["total"].backward()
        torch.nn.utils.clip_grad_norm_(parameters, options.clip)
        optimizer.step()
        schedule.step()
        history.append({name: float(loss.detach()) for name, loss in losses.items()})
    optimizer.zero_grad()
    model.eval()
    return history


def _groups(model: EpisodicMRAF, options: EpisodicOptions) -> list[dict[str, Any]]:
    """Return the parameters to train, with their learning rates.

    Face vectors separate speakers so well that training their encoder lowers accuracy. The fusion is
    trained slowly: what cross-attention learns from few speakers applies to few others.
    """
    parts = {model.face: options.face_lr, model.fusion: options.fusion_lr}
    for part, factor in parts.items():
        part.requires_grad_(factor > 0)
    special = {each for part in parts for each in part.parameters()}
    groups: list[dict[str, Any]] = [
        {"params": [each for each in model.parameters() if each not in special]}
    ]
    groups += [
        {"params": list(part.parameters()), "lr": options.lr * factor}
        for part, factor in parts.items()
        if factor > 0
    ]
    return groups
