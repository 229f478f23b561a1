"""MRAF with prototype heads: the network of the paper, whose heads compare with class means."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.episodic.fusion import EpisodicFusion
from mraf.episodic.heads import PrototypeHead
from mraf.episodic.options import EpisodicConfig
from mraf.inference.calibration import Temperatures
from mraf.network.encoder import MissingToken, ModalityEncoder
from mraf.network.fusion import Fused
from mraf.network.model import EncodedClips, MRAFOutput
from mraf.network.options import MRAFConfig
from mraf.prototypes.fusion import fixed_reliability, hide_missing, weighted_score
from mraf.recognition.recogniser import Recogniser

INITIAL_TEMPERATURE = 0.1
"""The temperature of cosine scores in training, before any is fitted."""


class WhitenedInput(nn.Module):
    """One modality's input, l2((l2(x) - mean) whitening), by statistics of training recordings."""

    mean: Tensor
    whitening: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))  # [d_m]
        self.register_buffer("whitening", torch.eye(dim))  # [d_m, d_m]

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """Return inputs [B, d_m] of unit length from vectors [B, d_m]; zero where missing."""
        # Zeros first: a missing row may hold NaN.
        x = F.normalize(x.masked_fill(~present[:, None], 0), dim=-1)
        return F.normalize((x - self.mean) @ self.whitening, dim=-1) * present[:, None]


class EpisodicMRAF(nn.Module):
    """The encoders, missing tokens and fusion of MRAF; every head compares with class means.

    The heads z_f, z_a and z_c compare e_f, e_a and e_c. The e_c by the voice alone, and that by the
    face alone, have prototypes of their own, made in the same way from the training clips.

    A missing modality has w_m = 0, and its missing token enters e_c only through the other
    modality's cross-attention, whose output is zero before training.
    """

    model_type = "mraf"

    def __init__(self, config: EpisodicConfig) -> None:
        super().__init__()
        self.config = config
        shape = _encoder_shape(config)
        learned = config.missing_token == "learned"
        self.face_input = WhitenedInput(config.face_dim)
        self.voice_input = WhitenedInput(config.voice_dim)
        self.face = ModalityEncoder(config.face_dim, shape)
        self.voice = ModalityEncoder(config.voice_dim, shape)
        self.missing_face = MissingToken(config.face_dim, learned=learned)
        self.missing_voice = MissingToken(config.voice_dim, learned=learned)
        self.fusion = EpisodicFusion(config)
        self.face_head = PrototypeHead(config.dim, config.classes)  # of e_f
        self.voice_head = PrototypeHead(config.dim, config.classes)  # of e_a
        self.fusion_head = PrototypeHead(config.dim, config.classes)  # of e_c, complete clips
        self.face_alone_head = PrototypeHead(config.dim, config.classes)  # of e_c, face alone
        self.voice_alone_head = PrototypeHead(config.dim, config.classes)  # of e_c, voice alone
        self.temperature = Temperatures(*[INITIAL_TEMPERATURE] * 3)
        self.recogniser = Recogniser(config.classes)

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Score B clips, each independently of the others.

        A speaker is scored by the largest set of modalities that the clip and some training clip of
        the speaker have in common. Where that is neither both nor one, because the speaker's
        training clips have one or the other, the scores of the two are averaged by r_f and r_a.

        Args:
            face: [B, d_f], of any length; rows that are not present are ignored.
            voice: [B, d_a], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        # Without any prototype of a modality there is nothing to compare with: it counts as missing.
        face_present = face_present & self.face_head.known.any()
        voice_present = voice_present & self.voice_head.known.any()
        x_f = self.face_input(face, face_present)
        x_a = self.voice_input(voice, voice_present)
        clips = self.encode(x_f, x_a)
        e_f = clips.face.where(face_present, clips.missing_face).embedding
        e_a = clips.voice.where(voice_present, clips.missing_voice).embedding
        factor = self.factor(self.face_head.cosine(e_f), self.voice_head.cosine(e_a))
        fused = self.fuse(clips, face_present, voice_present, factor)
        z_c = self._fusion_score(clips, fused, face_present, voice_present, factor)
        return MRAFOutput(
            face_logits=self.face_head(e_f),
            voice_logits=self.voice_head(e_a),
            fusion_logits=z_c,
            e_f=e_f,
            e_a=e_a,
            face_used=face_present,
            voice_used=voice_present,
            **vars(fused),
        )

    def encode(self, x_f: Tensor, x_a: Tensor) -> EncodedClips:
        """Encode whitened inputs [B, d_f] and [B, d_a] (eqs. 2-9)."""
        return EncodedClips(
            face=self.face(x_f),
            voice=self.voice(x_a),
            missing_face=self.face(self.missing_face.token[None]),
            missing_voice=self.voice(self.missing_voice.token[None]),
        )

    def fuse(
        self,
        clips: EncodedClips,
        face_present: Tensor,
        voice_present: Tensor,
        factor: tuple[Tensor, Tensor] | None = None,
    ) -> Fused:
        """Fuse B encoded clips, of which the faces and voices in the masks [B] are shown."""
        f = clips.face.where(face_present, clips.missing_face)  # (9)
        a = clips.voice.where(voice_present, clips.missing_voice)
        return self.fusion(f, a, face_present, voice_present, factor)

    def factor(self, z_f: Tensor, z_a: Tensor) -> tuple[Tensor, Tensor]:
        """Return the factors [B] of r_f and r_a, from cosines [B, C] to prototypes.

        A vector near no prototype is a bad picture, a noise or an impostor.
        """
        power = self.config.power
        return fixed_reliability(z_f, power), fixed_reliability(z_a, power)

    def _fusion_score(
        self,
        clips: EncodedClips,
        fused: Fused,
        face_present: Tensor,
        voice_present: Tensor,
        factor: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Return z_c [B, C]; `fused` is of the clips as they are."""
        nothing = torch.zeros_like(face_present)
        by_face = self.fuse(clips, face_present, nothing, factor).e_c
        by_voice = self.fuse(clips, nothing, voice_present, factor).e_c
        alone = weighted_score(
            hide_missing(self.face_alone_head(by_face), face_present),
            hide_missing(self.voice_alone_head(by_voice), voice_present),
            fused.r_f,
            fused.r_a,
        )
        both = (face_present & voice_present)[:, None] & self.fusion_head.known
        return torch.where(both, self.fusion_head(fused.e_c), alone)


def _encoder_shape(config: EpisodicConfig) -> MRAFConfig:
    """Return the configuration that `ModalityEncoder` takes."""
    names = ("face_dim", "voice_dim", "classes", "dim", "tokens", "layers", "heads", "ffn")
    return MRAFConfig(**{name: getattr(config, name) for name in names}, dropout=config.dropout)
