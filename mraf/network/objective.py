"""One training step's loss: equations 15 to 17 over what is shown and what is hidden.

A plain step passes through the network three times: with what is shown of each clip, with all of it
(the teacher of the distillation) and with the voice alone (the student). Here each vector is encoded
and projected once and each missing token once a batch, what nothing learns from carries no gradient,
and a clip shown by its voice alone is its own student.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mraf.baselines import FOP
from mraf.network.batches import Samples
from mraf.network.fusion import Encoded
from mraf.network.losses import CenterLoss, cross_entropy, distillation, orthogonal_projection
from mraf.network.missing import completion_loss
from mraf.network.model import MRAF, ModalityEncoder
from mraf.network.options import TrainOptions


@dataclass(frozen=True)
class Losses:
    """The parts of the loss (scalars) and the embeddings that the centres learn from."""

    total: Tensor  # (17)
    parts: dict[str, Tensor]  # without their weights, such as "face", "fusion", "kd"
    e_c: Tensor  # [B, D], detached, in an order of their own
    label: Tensor  # [B], of these


def training_loss(
    model: MRAF,
    centers: CenterLoss,
    batch: Samples,
    hidden: tuple[Tensor, Tensor],
    options: TrainOptions,
) -> Losses:
    """The loss of `batch` with the faces and voices in `hidden` (masks [B]) put out of sight."""
    groups = Groups.of(batch, *hidden, distil=options.lambda_kd > 0)
    passed = _pass(model, groups)
    y = groups.batch.label
    shown = groups.voices + groups.face
    parts = {
        "face": cross_entropy(passed.face_logits, groups.with_face(y)),
        "voice": cross_entropy(passed.voice_logits, y[: groups.voices]),
        "fusion": cross_entropy(passed.fusion_logits, y[:shown]),
        "kd": distillation(passed.teacher, passed.student, options.temperature),
        "center": centers(passed.e_c, y),
    }
    weights = {
        "face": options.lambda_f,
        "voice": options.lambda_a,
        "fusion": options.lambda_c,
        "kd": options.lambda_kd,
        "center": options.lambda_center,
        "completion": options.lambda_completion,
    }
    if model.face.predict is not None:
        parts["completion"] = _completion(model, batch)
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
    return Losses(total, parts, passed.e_c.detach(), y)


def projection_loss(
    model: FOP,
    batch: Samples,
    hidden: tuple[Tensor, Tensor],
    options: TrainOptions,
) -> Losses:
    """The same of FOP: cross-entropy of its one head and the orthogonal projection loss."""
    face, voice = batch.face_present & ~hidden[0], batch.voice_present & ~hidden[1]
    out = model(batch.face, batch.voice, face, voice)
    parts = {
        "fusion": cross_entropy(out.fusion_logits, batch.label, face | voice),
        "opl": orthogonal_projection(out.e_c, batch.label),
    }
    total = options.lambda_c * parts["fusion"] + options.lambda_opl * parts["opl"]
    return Losses(total, parts, out.e_c.detach(), batch.label)


@dataclass(frozen=True)
class Groups:
    """A batch in an order in which clips that are treated alike stand together."""

    batch: Samples
    both: int  # this many are shown with face and voice; then
    taught: int  # complete clips shown by voice alone, which their complete input teaches
    voice: int  # other clips shown by voice alone
    face: int  # clips shown by face alone
    nothing: int  # clips of which nothing is there
    distil: bool

    @classmethod
    def of(cls, batch: Samples, hide_face: Tensor, hide_voice: Tensor, distil: bool) -> Groups:
        """Sort `batch`, given masks [B] of what to hide."""
        face, voice = batch.face_present & ~hide_face, batch.voice_present & ~hide_voice
        taught = voice & hide_face & batch.face_present & distil
        group = torch.where(voice, torch.where(face, 0, 2), torch.where(face, 3, 4))
        group = torch.where(taught, 1, group)
        order = group.argsort(stable=True)
        both, taught, voices, faces, nothing = group.bincount(minlength=5).tolist()
        return cls(batch.take(order), both, taught, voices, faces, nothing, distil)

    @property
    def voices(self) -> int:
        """How many clips show their voice; they come first."""
        return self.both + self.taught + self.voice

    def with_face(self, x: Tensor) -> Tensor:
        """The rows of x [B, ...] of the clips that show their face."""
        return torch.cat([x[: self.both], x[self.voices : self.voices + self.face]])


@dataclass(frozen=True)
class Passed:
    """What the network says of a batch, in the order of its groups."""

    face_logits: Tensor  # [both + face, C]
    voice_logits: Tensor  # [voices, C]
    fusion_logits: Tensor  # [voices + face, C]
    teacher: Tensor  # [both + taught, C], without gradient; [0, C] where none is wanted
    student: Tensor  # the same clips by voice alone
    e_c: Tensor  # [B, D]


def _pass(model: MRAF, g: Groups) -> Passed:
    """The passes of a step. With distillation, every clip that shows its voice also goes alone."""
    own = g.voices if g.distil else g.voice  # this many voices go alone, the last ones
    rest = slice(g.voices, g.voices + g.face)
    x_f, x_a = model.face.scale(g.batch.face), model.voice.scale(g.batch.voice)
    f, no_f = _encode(model.face, g.with_face(x_f), g.batch.voice[g.voices - own : g.voices])
    a, no_a = _encode(model.voice, x_a[: g.voices], g.batch.face[rest])
    faces, voices = model.fusion.project(f, a)
    f_both, f_alone = faces.split([g.both, g.face])
    a_both, a_taught, _ = voices.split([g.both, g.taught, g.voice])
    a_alone = voices.split([g.voices - own, own])[1]

    both = _fuse(model, f_both, a_both, g.both, True, True)
    alone = _fuse(model, no_f, a_alone, own, False, True)
    silent = _fuse(model, f_alone, no_a, g.face, True, False)
    z_both, z_alone, z_silent = model.fusion_head(torch.cat([both, alone, silent])).split(
        [g.both, own, g.face]
    )
    with torch.no_grad():  # the teacher of clips shown by voice alone
        taught = model.face.encode(x_f[g.both : g.both + g.taught])
        z_taught = model.fusion_head(_fuse(model, taught, a_taught, g.taught, True, True))
    seen = slice(own - g.taught - g.voice, own)  # the others alone are students only
    students = g.both + g.taught if g.distil else 0
    return Passed(
        model.name_face(f),
        model.name_voice(a),
        torch.cat([z_both, z_alone[seen], z_silent]),
        torch.cat([z_both.detach(), z_taught])[:students],
        z_alone[:students],
        torch.cat([both, alone[seen], silent, _nothing(model, g)]),
    )


def _encode(encoder: ModalityEncoder, x: Tensor, other: Tensor) -> tuple[Encoded, Encoded]:
    """Inputs [N, Dm], and what stands in for missing ones where the other is `other` [M, Do].

    The latter for one clip or for M; for none where M is 0.
    """
    present = torch.ones(len(other), dtype=torch.bool, device=other.device)
    missing = encoder.substitute(other, present)[: len(other)]
    # Inputs are given: without a learned one beside them no gradient is computed for them.
    rows = torch.cat([x, missing]) if len(missing) else x
    encoded, substitute = encoder.encode(rows).split([len(x), len(missing)])
    return encoded, substitute


def _fuse(
    model: MRAF, face: Encoded, voice: Encoded, clips: int, has_face: bool, has_voice: bool
) -> Tensor:
    """e_c [N, D] of N clips of which the same is there; what is missing may be given once."""
    if not clips:
        return face.embedding.new_zeros(0, model.config.dim)
    face = face if has_face else face.expand(clips)
    voice = voice if has_voice else voice.expand(clips)
    yes = torch.ones(clips, dtype=torch.bool, device=face.embedding.device)
    return model.fusion(face, voice, yes & has_face, yes & has_voice).e_c


def _nothing(model: MRAF, g: Groups) -> Tensor:
    """e_c [nothing, D] of clips of which nothing is there."""
    if not g.nothing:
        return g.batch.face.new_zeros(0, model.config.dim)
    batch = g.batch.take(slice(len(g.batch) - g.nothing, None))
    no = torch.zeros(g.nothing, dtype=torch.bool, device=batch.face.device)
    return model(batch.face, batch.voice, no, no).e_c


def _completion(model: MRAF, batch: Samples) -> Tensor:
    """How far predicted vectors are from the real ones, on the clips that have both."""
    there = batch.take(batch.face_present & batch.voice_present)
    yes = there.face_present
    face = model.face.substitute(there.voice, yes)
    voice = model.voice.substitute(there.face, yes)
    return (completion_loss(face, there.face) + completion_loss(voice, there.voice)) / 2
