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


def episode_losses(
    model: EpisodicMRAF, clips: TrainingClips, episode: Episode, options: EpisodicOptions
) -> dict[str, Tensor]:
    """Return the loss of an episode, "total" (eq. 17), and its parts without their weights.

    Support and queries are encoded together: S means of recordings, and Q clips that are moved by
    differences between recordings of other speakers. e_c is computed three times: as the clips are,
    by the face alone and by the voice alone. A query counts in a loss if it has the modalities and its speaker has a prototype
    of them in the episode.
    """
    query, support, classes = episode.query, episode.support, len(clips.recordings.count)
    moved_f, _ = clips.face.episode(query, options.noise)
    moved_a, _ = clips.voice.episode(query, options.noise)
    encoded = model.encode(
        torch.cat([clips.face_mean[support], moved_f]),
        torch.cat([clips.voice_mean[support], moved_a]),
    )
    face = torch.cat([clips.face_known[support], clips.face.present[query]])
    voice = torch.cat([clips.voice_known[support], clips.voice.present[query]])
    z_f = Comparison.of(encoded.face.embedding, face, episode, classes)
    z_a = Comparison.of(encoded.voice.embedding, voice, episode, classes)
    # The recordings of the support weigh face and voice without the factors.
    ones = z_f.cosine.new_ones(len(support))
    of_f, of_a = model.factor(z_f.cosine, z_a.cosine)
    factor = torch.cat([ones, of_f]), torch.cat([ones, of_a])
    whole = model.fuse(encoded, face, voice, factor)
    nothing = torch.zeros_like(face)
    by_face = model.fuse(encoded, face, nothing, factor)
    by_voice = model.fuse(encoded, nothing, voice, factor)
    z_c = Comparison.of(whole.e_c, face & voice, episode, classes)
    z_c_f = Comparison.of(by_face.e_c, face, episode, classes)
    z_c_a = Comparison.of(by_voice.e_c, voice, episode, classes)
    taught = z_c.counts
    parts = {
        "face": z_f.cross_entropy(),  # (15)
        "voice": z_a.cross_entropy(),
        "fusion": z_c.cross_entropy(),
        "face_alone": z_c_f.cross_entropy(),
        "voice_alone": z_c_a.cross_entropy(),
        "kd": distillation(  # (16)
            z_c.logits[taught], z_c_a.logits[taught], options.temperature
        ),
        "center": z_c.distance(),
    }
    weights = {
        "face": options.lambda_f,
        "voice": options.lambda_a,
        "fusion": options.lambda_c,
        "face_alone": options.lambda_f_alone,
        "voice_alone": options.lambda_a_alone,
        "kd": options.lambda_kd,
        "center": options.lambda_center,
    }
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()  # (17)
    return {"total": total, **parts}


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
