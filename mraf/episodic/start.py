"""The start of the network: before its first step, its scores are those of whitened prototypes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mraf.episodic.model import EpisodicMRAF
from mraf.episodic.options import EpisodicOptions
from mraf.network.encoder import ModalityEncoder
from mraf.prototypes.metric import TrainingModality


@torch.no_grad()
def start(
    model: EpisodicMRAF, face: TrainingModality, voice: TrainingModality, options: EpisodicOptions
) -> None:
    """Set the weights with which training begins, and the statistics of the inputs.

    An encoder starts as an isometry A_m of the k_m directions in which recordings vary most:
    e_m = A_m x_m / |A_m x_m|. Face and voice have orthogonal subspaces of e, and attention and FFN
    start with an output of zero. So cosines of e_m are those of the projected inputs, and
    e_c = Norm(w_f e_f + w_a e_a) but for its length. Where d is large enough for both, k_m = d_m and
    nothing is lost by the projection.
    """
    basis = orthonormal_basis(options.dim)
    k_f, k_a = dimensions(basis.shape[1], model.config.face_dim, model.config.voice_dim, options)
    angles = torch.linspace(-options.spread, options.spread, options.tokens)
    if options.tokens == 1:
        angles = angles * 0
    for part, encoder, missing, modality, columns in (
        (model.face_input, model.face, model.missing_face, face, basis[:, :k_f]),
        (model.voice_input, model.voice, model.missing_voice, voice, basis[:, k_f : k_f + k_a]),
    ):
        part.mean.copy_(modality.mean)
        part.whitening.copy_(modality.whitening)
        isometry = columns @ main_directions(modality, columns.shape[1]).T
        _start_encoder(encoder, isometry, quarter_turn(basis), angles)
        _start_token(missing.token)
    fusion = model.fusion
    for attention in (fusion.face_attention, fusion.voice_attention):
        _silence(attention.out_proj)
    for layer, r in (
        (fusion.face_score, options.face_reliability),
        (fusion.voice_score, options.voice_reliability),
    ):
        _silence(layer)
        layer.bias.fill_(math.log(r / (1 - r)))


def orthonormal_basis(dim: int) -> Tensor:
    """Return a random orthonormal basis [dim, n], n even and at most dim - 1.

    Its vectors sum to zero, so LayerNorm changes nothing but their length.
    """
    columns = torch.cat([torch.ones(dim, 1), torch.randn(dim, dim - 1)], dim=1)
    n = (dim - 1) // 2 * 2
    return torch.linalg.qr(columns).Q[:, 1 : n + 1]


def quarter_turn(basis: Tensor) -> Tensor:
    """Return J [D, D], which turns every vector in the span of a basis [D, n] by 90 degrees."""
    first, second = basis.chunk(2, dim=1)
    return second @ first.T - first @ second.T


def dimensions(n: int, face_dim: int, voice_dim: int, options: EpisodicOptions) -> tuple[int, int]:
    """Return the dimensions k_f and k_a of face and voice, n or fewer together, 1 or more each."""
    share = min(n - 1, max(1, round(options.face_share * n)))
    k_f = min(face_dim, max(share, n - voice_dim))
    return k_f, min(voice_dim, n - k_f)


def main_directions(modality: TrainingModality, k: int) -> Tensor:
    """Return the k orthonormal directions [D, k] in which the recordings' means vary most."""
    dim = modality.u.shape[1]
    if k == dim:
        return torch.eye(dim)
    means = F.normalize(modality.recordings.means(modality.u[modality.present]), dim=-1)
    return torch.linalg.eigh(means.T @ means).eigenvectors[:, -k:]


def _start_encoder(
    encoder: ModalityEncoder, isometry: Tensor, turn: Tensor, angles: Tensor
) -> None:
    """Set token k of x to A x [d] turned by angle k [K], with components near 1.

    The angles are symmetric, so the mean of the tokens is a multiple of A x.
    """
    turned = [angle.cos() * isometry + angle.sin() * turn @ isometry for angle in angles]
    assert isinstance(encoder.project, nn.Linear)
    encoder.project.weight.copy_(len(isometry) ** 0.5 * torch.cat(turned))
    encoder.project.bias.zero_()
    encoder.position.zero_()
    for layer in encoder.layers:
        assert isinstance(layer, nn.TransformerEncoderLayer)
        _silence(layer.self_attn.out_proj)
        _silence(layer.linear2)


def _start_token(token: Tensor) -> None:
    """Draw a learned missing token of length about 1, like the inputs that it stands for."""
    if isinstance(token, nn.Parameter):
        token.copy_(torch.randn_like(token) / len(token) ** 0.5)


def _silence(layer: nn.Linear) -> None:
    layer.weight.zero_()
    layer.bias.zero_()
