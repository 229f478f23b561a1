"""The model type `prototypes`: comparison with a prototype of each speaker.

A head of weights, as that of the paper's network, learns each speaker from scratch and fits the recordings it was
trained on. A head that compares with the mean of a speaker's recordings has no weights to overfit.
What is learned, which directions of the voice vary between recordings of one speaker and which
between speakers, is shared by all speakers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.inference.calibration import Temperatures
from mraf.network.model import MRAFOutput
from mraf.prototypes.fusion import UNKNOWN, FusedScores, fuse_posteriors, weighted_mean
from mraf.prototypes.options import PrototypeConfig
from mraf.recognition.recogniser import Recogniser

INITIAL_TEMPERATURE = 0.1
"""The temperature of cosine scores in training, before any is fitted."""


class ClassMeans(nn.Module):
    """One modality: the embedding of a vector, and its scores against the speakers' prototypes.

    The embedding is q = l2((l2(x) - mean) projection). The score of a speaker is its cosine to the
    prototype, less the prototype's hubness offset. Everything is computed from training recordings.
    """

    mean: Tensor
    whitening: Tensor
    projection: Tensor
    means: Tensor
    prototypes: Tensor
    offset: Tensor
    count: Tensor
    known: Tensor
    cohort: Tensor
    cohort_speaker: Tensor

    def __init__(self, dim: int, classes: int, cohort: int = 0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))  # [D], mu
        self.register_buffer("whitening", torch.eye(dim))  # [D, D], W
        self.register_buffer("projection", torch.eye(dim))  # [D, D], whitening times metric
        self.register_buffer("means", torch.zeros(classes, dim))  # [C, D], of whitened vectors
        self.register_buffer("prototypes", torch.zeros(classes, dim))  # [C, D], unit rows
        self.register_buffer("offset", torch.zeros(classes))  # [C], hubness offset
        self.register_buffer("count", torch.zeros(classes))  # [C], recordings of a speaker
        self.register_buffer("known", torch.zeros(classes, dtype=torch.bool))  # [C]
        # Embeddings of training recordings, as what impostors to a newcomer are measured by.
        self.register_buffer("cohort", torch.zeros(cohort, dim))  # [M, D], unit rows
        self.register_buffer("cohort_speaker", torch.zeros(cohort, dtype=torch.int64))  # [M]

    def whiten(self, x: Tensor) -> Tensor:
        """Return whitened unit vectors [B, D], of which `means` are made, of vectors [B, D]."""
        return F.normalize((F.normalize(x, dim=-1) - self.mean) @ self.whitening, dim=-1)

    def embed(self, x: Tensor) -> Tensor:
        """Return unit embeddings [B, D] of vectors [B, D] of any length."""
        return F.normalize((F.normalize(x, dim=-1) - self.mean) @ self.projection, dim=-1)

    def hubness(self, *speakers: int) -> Tensor:
        """Return the RMS cosine [M] of M speakers' prototypes to the others' cohort, 0 without one.

        Speakers of the cohort count alike.
        """
        of = self.cohort_speaker
        weight = 1 / torch.bincount(of, minlength=len(self.count)).clamp(min=1)[of]
        chosen = torch.tensor(speakers, device=of.device)
        weight = weight * (of != chosen[:, None])  # [M, N]
        square = (self.prototypes[chosen] @ self.cohort.T).square()
        return ((square * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-12)).sqrt()

    def usual_hubness(self) -> Tensor:
        """Return the mean hubness of the speakers of the cohort."""
        of = self.cohort_speaker.unique().tolist()
        return self.hubness(*of).mean() if of else self.offset.new_zeros(())

    def compare(self, q: Tensor) -> Tensor:
        """Return scores [B, C] of unit embeddings [B, D]; `UNKNOWN` without a prototype."""
        return (q @ self.prototypes.T - self.offset).masked_fill(~self.known, UNKNOWN)

    def plain(self, x: Tensor) -> Tensor:
        """Return the cosines [B, C] of vectors [B, D] of any length to each speaker's mean vector.

        Nothing that was learned changes them, so they hold where clips differ from the training clips,
        in another language for instance. The mean vectors are found by undoing the whitening.
        """
        a = torch.linalg.solve(self.whitening.T, F.normalize(self.means, dim=-1).T).T
        # The whitened vectors have lost their length: the s > 0 for which mean + s a has length 1.
        square, along = a.square().sum(dim=-1).clamp(min=1e-12), a @ self.mean
        rest = (along.square() + square * (1 - self.mean.square().sum())).clamp(min=0)
        s = (rest.sqrt() - along) / square
        vectors = F.normalize(self.mean + s[:, None] * a, dim=-1)
        return (F.normalize(x, dim=-1) @ vectors.T).masked_fill(~self.known, UNKNOWN)


class PrototypeModel(nn.Module):
    """Comparison of face and voice with a prototype of each speaker, and fusion of their scores.

    No part of the paper's network is in it: no tokens, no attention, no learned reliability. See
    `mraf.prototypes.fusion` for the rule of fusion.
    """

    model_type = "prototypes"

    def __init__(self, config: PrototypeConfig) -> None:
        super().__init__()
        self.config = config
        self.face = ClassMeans(config.face_dim, config.classes, config.face_cohort)
        self.voice = ClassMeans(config.voice_dim, config.classes, config.voice_cohort)
        both = 1.0 if config.fusion == "posterior" else INITIAL_TEMPERATURE
        self.temperature = Temperatures(both, INITIAL_TEMPERATURE, INITIAL_TEMPERATURE)
        self.recogniser = Recogniser(config.classes)

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Score B clips, each independently of the others.

        The output's e_c is [w_f e_f; w_a e_a] at unit length, [B, D_f + D_a].

        Args:
            face: [B, D_f], of any length; rows that are not present are ignored.
            voice: [B, D_a], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        # Without any prototype of a modality there is nothing to compare with: it counts as missing.
        face_present = face_present & self.face.known.any()
        voice_present = voice_present & self.voice.known.any()
        q_f, q_a = self.face.embed(face), self.voice.embed(voice)
        c_f, c_a = self.face.compare(q_f), self.voice.compare(q_a)
        fused = self.fuse(c_f, c_a, face_present, voice_present)
        total = (fused.r_f + fused.r_a).clamp(min=1e-9)
        w_f, w_a = fused.r_f / total, fused.r_a / total
        e_c = F.normalize(torch.cat([w_f[:, None] * q_f, w_a[:, None] * q_a], dim=-1), dim=-1)
        return MRAFOutput(
            face_logits=c_f,
            voice_logits=c_a,
            fusion_logits=fused.score,
            e_f=q_f,
            e_a=q_a,
            e_c=e_c,
            r_f=fused.r_f,
            r_a=fused.r_a,
            w_f=w_f,
            w_a=w_a,
            face_used=face_present,
            voice_used=voice_present,
            voice_plain=self.voice.plain(voice),
            face_plain=self.face.plain(face),
        )

    def fuse(
        self,
        c_f: Tensor,
        c_a: Tensor,
        face_present: Tensor,
        voice_present: Tensor,
        temperature: Tensor | None = None,
    ) -> FusedScores:
        """Fuse scores [B, C] by the model's rule, with its temperatures or with others [3]."""
        if self.config.fusion == "mean":
            return weighted_mean(c_f, c_a, face_present, voice_present, self.config)
        if temperature is None:
            temperature = self.temperature.value
        return fuse_posteriors(
            c_f, c_a, face_present, voice_present, temperature=temperature, config=self.config
        )
