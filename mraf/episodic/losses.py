"""The losses of an episode: equations 15 to 17, with cosines to the episode's prototypes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.episodic.episodes import Episode, TrainingClips
from mraf.episodic.model import INITIAL_TEMPERATURE, EpisodicMRAF
from mraf.episodic.options import EpisodicOptions
from mraf.network.losses import cross_entropy, distillation
from mraf.prototypes.fusion import UNKNOWN

WEIGHTS = {
    "face": "lambda_f",
    "voice": "lambda_a",
    "fusion": "lambda_c",
    "face_alone": "lambda_f_alone",
    "voice_alone": "lambda_a_alone",
    "kd": "lambda_kd",
    "center": "lambda_center",
}
"""The option that weighs each part of the loss."""


def episode_losses(
    model: EpisodicMRAF, clips: TrainingClips, episode: Episode, options: EpisodicOptions
) -> dict[str, Tensor]:
    """Return the loss of an episode, "total" (eq. 17), and its parts without their weights.

    The paper's eq. 15 has the cross-entropies of z_f, z_a and z_c. Here are also those of z_c by the
    face alone and by the voice alone, since each has prototypes of its own. A query counts in a loss
    if it has the modalities and its speaker has a prototype of them in the episode.
    """
    z = compare(model, clips, episode, options)
    parts = {name: each.cross_entropy() for name, each in z.items()}  # (15)
    taught, teacher, student = z["fusion"].counts, z["fusion"].logits, z["voice_alone"].logits
    parts["kd"] = distillation(teacher[taught], student[taught], options.temperature)  # (16)
    parts["center"] = z["fusion"].distance()
    total = torch.stack([getattr(options, WEIGHTS[name]) * each for name, each in parts.items()])
    return {"total": total.sum(), **parts}  # (17)


def compare(
    model: EpisodicMRAF, clips: TrainingClips, episode: Episode, options: EpisodicOptions
) -> dict[str, Comparison]:
    """Return the queries' comparisons by e_f, by e_a, and by e_c complete and alone.

    Support and queries are encoded together: S means of recordings, and Q clips that are moved by
    differences between recordings of other speakers.
    """
    query, support = episode.query, episode.support
    face = torch.cat([clips.face_known[support], clips.face.present[query]])
    voice = torch.cat([clips.voice_known[support], clips.voice.present[query]])
    moved_f, _ = clips.face.episode(query, options.noise)
    moved_a, _ = clips.voice.episode(query, options.noise)
    encoded = model.encode(
        torch.cat([clips.face_mean[support], moved_f]),
        torch.cat([clips.voice_mean[support], moved_a]),
    )

    def compared(e: Tensor, present: Tensor) -> Comparison:
        return Comparison.of(e, present, episode, model.config.classes)

    z_f = compared(encoded.face.embedding, face)
    z_a = compared(encoded.voice.embedding, voice)
    # The recordings of the support weigh face and voice without the factors.
    ones = z_f.cosine.new_ones(len(support))
    of_f, of_a = model.factor(z_f.cosine, z_a.cosine)
    factor = torch.cat([ones, of_f]), torch.cat([ones, of_a])
    nothing = torch.zeros_like(face)
    return {
        "face": z_f,
        "voice": z_a,
        "fusion": compared(model.fuse(encoded, face, voice, factor).e_c, face & voice),
        "face_alone": compared(model.fuse(encoded, face, nothing, factor).e_c, face),
        "voice_alone": compared(model.fuse(encoded, nothing, voice, factor).e_c, voice),
    }


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The cosines of an episode's Q queries to the prototypes of its support."""

    cosine: Tensor  # [Q, C], `UNKNOWN` without a prototype
    label: Tensor  # [Q]
    counts: Tensor  # [Q] bool, the query is present and its speaker has a prototype

    @classmethod
    def of(cls, e: Tensor, present: Tensor, episode: Episode, classes: int) -> Comparison:
        """Compare queries with prototypes, from e [S + Q, D] of both and a mask [S + Q]."""
        e = F.normalize(e, dim=-1)
        split = [len(episode.support), len(episode.query)]
        (support, query), (has, shown) = e.split(split), present.split(split)
        speaker = F.one_hot(episode.support_label, classes).to(e.dtype) * has[:, None]  # [S, C]
        prototypes = F.normalize(speaker.T @ support, dim=-1)
        known = speaker.sum(dim=0) > 0
        return cls(
            cosine=(query @ prototypes.T).masked_fill(~known, UNKNOWN),
            label=episode.label,
            counts=shown & known[episode.label],
        )

    @property
    def logits(self) -> Tensor:
        """[Q, C], cosines over the temperature of training."""
        return self.cosine / INITIAL_TEMPERATURE

    def cross_entropy(self) -> Tensor:
        """Return the mean cross-entropy of the queries that count; 0 where none does."""
        return cross_entropy(self.logits, self.label, self.counts)

    def distance(self) -> Tensor:
        """Return L_center, half the squared distance of unit vectors to their unit prototype.

        It is 1 - cosine, the mean over the queries that count; the prototype is the centre.
        """
        own = self.cosine.gather(1, self.label[:, None]).squeeze(-1)
        return ((1 - own) * self.counts).sum() / self.counts.sum().clamp(min=1)
