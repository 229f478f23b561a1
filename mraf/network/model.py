"""The network of the paper, equations 2 to 14: two encoders, fusion, three heads.

Face and voice are treated alike: each has its own encoder and its own missing token.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from mraf.inference.calibration import Temperatures
from mraf.inference.modalities import TrainedModalities
from mraf.network.alternatives import Completion, GatedFusion, LinearFusion, LSTMFusion, MemoryBank
from mraf.network.encoder import Encoded, MissingToken, ModalityEncoder
from mraf.network.fusion import CrossAttentionFusion, Fused
from mraf.network.options import MRAFConfig
from mraf.recognition.recogniser import Recogniser


@dataclass(frozen=True, kw_only=True)
class MRAFOutput(Fused):
    """The output of a network for B clips with C speakers.

    A face or voice that is present is not used where the model has learned none.
    """

    face_logits: Tensor  # [B, C], z_f
    voice_logits: Tensor  # [B, C], z_a
    fusion_logits: Tensor  # [B, C], z_c, the answer
    e_f: Tensor  # [B, D], unit norm
    e_a: Tensor  # [B, D], unit norm
    face_used: Tensor  # [B] bool: present, and faces have trained the model
    voice_used: Tensor  # [B] bool, likewise
    voice_plain: Tensor | None = None  # [B, C], cosines of the voice as the encoder gives it
    face_plain: Tensor | None = None  # [B, C], likewise of the face


@dataclass(frozen=True, kw_only=True)
class EncodedClips:
    """B clips after the encoders, each modality as it is and as if it were missing."""

    face: Encoded  # of B clips; means nothing where the face is missing
    voice: Encoded
    missing_face: Encoded  # of one clip, for all, or of B
    missing_voice: Encoded


class MRAF(nn.Module):
    """Missing-token prompted, reliability-aware fusion of face and voice.

    The paper is silent on the length of the inputs. FaceNet vectors have length 1 and ECAPA vectors
    about 250, which no layer starts out for. By default each is brought to length sqrt(d_m): W_m and
    b_m of eq. 2, at torch's own start, then contribute alike to the tokens. A start that is larger by
    a factor than Adam's steps would leave W_m as it was drawn.
    """

    model_type = "mraf"

    def __init__(self, config: MRAFConfig) -> None:
        super().__init__()
        self.config = config
        self.face = ModalityEncoder(config.face_dim, config)
        self.voice = ModalityEncoder(config.voice_dim, config)
        self.missing_face = _missing_input(config, config.face_dim, config.voice_dim)
        self.missing_voice = _missing_input(config, config.voice_dim, config.face_dim)
        self.fusion = _fusion(config)
        self.face_head = nn.Linear(config.dim, config.classes)  # g_f
        self.voice_head = nn.Linear(config.dim, config.classes)  # g_a
        self.fusion_head = nn.Linear(config.dim, config.classes)  # g_c
        self.temperature = Temperatures()
        self.recogniser = Recogniser(config.classes)
        self.trained = TrainedModalities()

    def forward(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B clips, each alone.

        Args:
            face: [B, d_f], of any length; rows that are not present are ignored.
            voice: [B, d_a], likewise.
            face_present: [B] bool.
            voice_present: [B] bool.
        """
        face_present, voice_present = self.trained(face_present, voice_present)
        clips = self.encode(face, voice, face_present, voice_present)
        return self.answer(clips, face_present, voice_present)

    def encode(
        self, face: Tensor, voice: Tensor, face_present: Tensor, voice_present: Tensor
    ) -> EncodedClips:
        """Encode B clips once, for any number of calls of `answer`; arguments as in `forward`."""
        x_f = self._input(face, face_present)
        x_a = self._input(voice, voice_present)
        return EncodedClips(
            face=self.face(x_f),
            voice=self.voice(x_a),
            missing_face=self.face(self.missing_face(x_a, voice_present)),
            missing_voice=self.voice(self.missing_voice(x_f, face_present)),
        )

    def answer(
        self, clips: EncodedClips, face_present: Tensor, voice_present: Tensor
    ) -> MRAFOutput:
        """Answer for B encoded clips, of which the faces and voices in the masks [B] are shown."""
        f = clips.face.where(face_present, clips.missing_face)  # (9)
        a = clips.voice.where(voice_present, clips.missing_voice)
        fused = self.fusion(f, a, face_present, voice_present)
        s_f, s_a = self._head_scales(fused)
        return MRAFOutput(
            face_logits=self.face_head(s_f * f.embedding),
            voice_logits=self.voice_head(s_a * a.embedding),
            fusion_logits=self.fusion_head(fused.e_c),
            e_f=f.embedding,
            e_a=a.embedding,
            face_used=face_present,
            voice_used=voice_present,
            **vars(fused),
        )

    def _head_scales(self, fused: Fused) -> tuple[Tensor | float, Tensor | float]:
        """Return the factors of e_f and e_a before their heads, for all clips or [B, 1]."""
        if self.config.head_input == "weighted":
            return self.config.face_damping * fused.w_f[:, None], fused.w_a[:, None]
        # e_f and e_a have length 1, e_c about sqrt(D). Brought to the same length, the three heads
        # learn at the same pace; what they can express is unchanged.
        return self.config.dim**0.5, self.config.dim**0.5

    def _input(self, x: Tensor, present: Tensor) -> Tensor:
        """Return inputs [B, d_m] as the encoders take them, zero where missing."""
        # Zeros first: a missing row may hold NaN, which would spoil the gradient of all weights.
        x = x.masked_fill(~present[:, None], 0)
        if self.config.inputs == "raw":
            return x
        unit = F.normalize(x, dim=-1)
        return unit * x.shape[-1] ** 0.5 if self.config.inputs == "scaled" else unit


def _missing_input(config: MRAFConfig, dim: int, other_dim: int) -> nn.Module:
    length = dim**0.5 if config.inputs == "scaled" else 1.0  # of predicted inputs
    if config.missing_token == "completion":
        return Completion(dim, other_dim, length)
    if config.missing_token == "memory":
        return MemoryBank(dim, other_dim, length)
    learned = config.missing_token == "learned"
    return MissingToken(dim, learned=learned, start=config.missing_start)


def _fusion(config: MRAFConfig) -> nn.Module:
    if config.fusion == "cross_attention":
        return CrossAttentionFusion(config)
    kinds = {"linear": LinearFusion, "gated": GatedFusion, "lstm": LSTMFusion}
    return kinds[config.fusion](config.dim)
