"""Label propagation over a set of unlabelled clips: the modes `setting` and `cross`.

Both start from a model's posterior of each clip alone, connect each clip with its nearest
neighbours by face and by voice, and propagate the posteriors along the edges.

- Label propagation on a nearest-neighbour graph: Zhou, Bousquet, Lal, Weston and Schölkopf,
  "Learning with Local and Global Consistency", 2004. Faces and voices give a graph each, which
  are added: Zhou and Burges, "Spectral Clustering and Transductive Learning with Multiple Views",
  2007. Degrees are regularised, so that weak edges stay weak: Chaudhuri, Chung and Tsiatas,
  "Spectral Clustering of Graphs with General Degrees in the Extended Planted Partition Model",
  2012.
- Speakers who are named more often than others count for less (distribution alignment): Berthelot
  et al., "ReMixMatch", 2020, here softened and smoothed.
- The embeddings are centred on the set itself. That removes what its recordings share and the
  training recordings lack, such as the language.

The input is posteriors and embeddings, which every architecture gives. Everything is deterministic.
The nearest neighbours are found here and not by scikit-learn, which takes a second to import and is
no faster on 10^4 clips.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from mraf.errors import UsageError
from mraf.options import checked

Array = NDArray[np.float32]
Vectors = NDArray[np.floating]
Mask = NDArray[np.bool_]
Alpha = Annotated[float, Field(ge=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]

TOLERANCE = 1e-6  # change of a probability in a step at which propagation has converged
MAX_STEPS = 200
BLOCK = 2**22  # cosines held at a time, 16 MiB


@checked("propagation")
class PropagateOptions:
    """The options of propagation; the defaults were chosen on POLY-SIM's development protocol."""

    neighbours: PositiveInt = 10  # k of the graph
    power: PositiveFloat = 6.0  # an edge weighs cosine^power
    # Added to every degree: neighbours whose weights sum to less have little influence.
    degree_floor: NonNegativeFloat = 0.05
    face_weight: NonNegativeFloat = 1.0  # of the two graphs of clips with face and voice
    voice_weight: NonNegativeFloat = 2.0
    # Alpha of Zhou et al.: the share of an answer that comes from neighbours, 0 to below 1.
    alpha: Alpha = 0.95  # of sets without faces
    alpha_with_faces: Alpha = 0.9  # of sets with faces, whose single answers are better
    alpha_cross: Alpha = 0.3  # on the voice graph, from starts that hold complete clips' answers
    complete_share: Share = 0.8  # of the complete clip in a voice's start in mode `cross`
    sharpness: PositiveFloat = 0.5  # p^sharpness is propagated, and sharpened back afterwards
    balance: NonNegativeFloat = 0.7  # exponent of the correction for often-named speakers
    balance_floor: NonNegativeFloat = 0.5  # added to a speaker's clips, in parts of the mean N / C
    balance_clips: PositiveFloat = 5.0  # and at least so many clips: small sets stay as they are
    centre: bool = True  # subtract the set's mean embedding, by how diverse its speakers are


@dataclass(frozen=True, kw_only=True)
class SettingClips:
    """The N clips of one setting: the posterior of each alone, and its embeddings.

    A row of NaN stands for a clip without an answer. Rows of embeddings that are marked missing
    are never read. Without `face` the setting is voice only.
    """

    probability: Vectors  # [N, C], rows sum to 1; calibrated, see mraf/inference/calibration.py
    voice: Vectors  # [N, Dv], compared by cosine
    voice_present: Mask  # [N]
    face: Vectors | None = None  # [N, Df]
    face_present: Mask | None = None  # [N]

    def __len__(self) -> int:
        """Return N, the number of clips."""
        return len(self.probability)

    def take(self, index: NDArray[np.int64]) -> SettingClips:
        """Return the clips at the positions `index` [M]."""
        return SettingClips(**{k: v[index] for k, v in vars(self).items() if v is not None})

    @property
    def modalities(self) -> list[tuple[str, Vectors, Mask]]:
        """Name, vectors [N, D] and mask [N] of the voices and, where there are any, the faces."""
        found = [("voice", self.voice, self.voice_present)]
        if self.face is not None and self.face_present is not None:
            found.append(("face", self.face, self.face_present))
        return found

    @property
    def has_faces(self) -> bool:
        """True where any clip has a face."""
        return self.face_present is not None and bool(self.face_present.any())


def propagate_setting(clips: SettingClips, options: PropagateOptions | None = None) -> Array:
    """Return answers [N, C] refined over the clips of one setting (mode `setting`).

    They solve F = alpha S F + (1 - alpha) Y, with the single answers after balancing as Y and the
    normalised graph as S. Rows sum to 1. They rank speakers better than single answers do, but are
    no longer calibrated. A clip alone in its set keeps its answer. A row of NaN gets an answer from
    its neighbours; it stays NaN without any, and where the clip has neither face nor voice. Clips
    that are equal in everything count once.

    Time grows with N squared (10^4 clips: seconds), memory with N.
    """
    options = options or PropagateOptions()
    first, copy = _distinct(clips)
    return _power(_propagate(clips.take(first), options), 1 / options.sharpness)[copy]


def propagate_cross(
    complete: SettingClips, voice_only: SettingClips, options: PropagateOptions | None = None
) -> tuple[Array, Array]:
    """Return answers with and without face, both [N, C]; the first help the second (mode `cross`).

    As the published systems of POLY-SIM do, it answers P4 and P6 (voices only) with the help of
    the faces of the very same clips: each voice starts from a mixture of its own answer and that
    of its complete clip, and propagates over the voice graph. Such figures are no rates of voice
    recognition. A missing voice gets its complete clip's answer.

    Args:
        complete: N clips with face and voice.
        voice_only: the same clips in the same order, without faces.
        options: the options of propagation.

    Raises:
        UsageError: the two are not the same clips or speakers, or `voice_only` has faces.
    """
    options = options or PropagateOptions()
    if complete.probability.shape != voice_only.probability.shape:
        shapes = [list(clips.probability.shape) for clips in (complete, voice_only)]
        raise UsageError(
            f"propagation: the complete clips have probabilities of shape {shapes[0]} and the "
            f"voices {shapes[1]}; pass the same clips in the same order to both"
        )
    if voice_only.has_faces:
        raise UsageError("propagation: voice_only holds faces; only the complete clips may")
    first, copy = _distinct(complete, voice_only)
    complete, voice_only = complete.take(first), voice_only.take(first)
    with_faces = _propagate(complete, options)
    start = _mixture(_start(voice_only, options), with_faces, options.complete_share)
    voices = _unit_sum(_fixed_point(_graph(voice_only, options), start, options.alpha_cross))
    back = 1 / options.sharpness
    return _power(with_faces, back)[copy], _power(voices, back)[copy]


def _propagate(clips: SettingClips, options: PropagateOptions) -> Array:
    """Return the propagated answers [N, C], not yet sharpened back."""
    alpha = options.alpha_with_faces if clips.has_faces else options.alpha
    return _unit_sum(_fixed_point(_graph(clips, options), _start(clips, options), alpha))


def _start(clips: SettingClips, options: PropagateOptions) -> Array:
    """Return Y [N, C]: the single answers, balanced and flattened; NaN where there is none."""
    probability = clips.probability.astype(np.float32)
    return _power(_balanced(probability, options), options.sharpness)


def _balanced(probability: Array, options: PropagateOptions) -> Array:
    """Return answers [N, C] divided by a power of each speaker's clips among the other clips.

    Without it, a speaker with few training clips is taken for another one throughout, who then has
    twice the clips. The floor keeps the correction small for sets of a few speakers, or of one.
    """
    answered = np.isfinite(probability[:, :1])
    mean = answered.sum() / probability.shape[1]
    floor = max(options.balance_floor * mean, options.balance_clips)
    filled = np.where(answered, probability, 0)
    others = filled.sum(axis=0) - filled  # without the clip itself
    return _unit_sum(probability * ((others + floor) / floor) ** -np.float32(options.balance))


def _mixture(own: Array, other: Array, share: float) -> Array:
    """Return (1 - share) own + share other, both [N, C]; where one is NaN, the other one."""
    mixed = (1 - share) * own + np.float32(share) * other
    return np.where(np.isnan(own), other, np.where(np.isnan(other), own, mixed))


def _fixed_point(graph: sp.csr_array, start: Array, alpha: float) -> Array:
    """Return the fixed point [N, C] of F = alpha S F + (1 - alpha) Y; NaN in Y counts as 0."""
    source = (1 - np.float32(alpha)) * np.nan_to_num(start)
    now = source
    for _ in range(MAX_STEPS if graph.nnz else 0):
        last, now = now, np.float32(alpha) * (graph @ now) + source
        if np.abs(now - last).max() < TOLERANCE:
            break
    return now


def _graph(clips: SettingClips, options: PropagateOptions) -> sp.csr_array:
    """Return S [N, N], the weighted sum of the graphs of faces and voices.

    A clip that lacks one modality has its whole weight in the other. No eigenvalue is above 1, so
    propagation converges.
    """
    diversity = _diversity(clips.probability) if options.centre else 0.0
    weights = {"voice": options.voice_weight, "face": options.face_weight}
    total = np.zeros(len(clips), np.float32)
    graph = sp.csr_array((len(clips), len(clips)), dtype=np.float32)
    for name, vectors, present in clips.modalities:
        total += weights[name] * present
        graph = graph + weights[name] * _neighbour_graph(vectors, present, diversity, options)
    scale = sp.diags_array(np.where(total > 0, total, 1) ** -0.5)
    return (scale @ graph @ scale).astype(np.float32).tocsr()


def _diversity(probability: Vectors) -> float:
    """Return 1 - sum of squared speaker shares: near 1 for many speakers with equal shares, 0 for one.

    The mean vector of many speakers is what their recordings share; that of one is the speaker's own.
    """
    answers = probability[np.isfinite(probability[:, :1]).all(axis=1)]
    return 1 - float(np.square(answers.mean(axis=0)).sum()) if len(answers) else 0.0


def _neighbour_graph(
    vectors: Vectors, present: Mask, diversity: float, options: PropagateOptions
) -> sp.csr_array:
    """Return D^-1/2 W D^-1/2 [N, N] of the present rows; W is symmetric with a zero diagonal."""
    index = np.flatnonzero(present)
    unit = _unit(vectors[index].astype(np.float32))
    if len(unit):
        unit = _unit(unit - np.float32(diversity) * unit.mean(axis=0))
    near, cosine = _neighbours(unit, min(options.neighbours, max(0, len(unit) - 1)))
    weight = np.maximum(cosine, 0) ** np.float32(options.power)
    rows = np.repeat(index, near.shape[1])
    shape = (len(present), len(present))
    edges = sp.csr_array((weight.ravel(), (rows, index[near.ravel()])), shape)
    edges = edges.maximum(edges.T)
    degree = np.asarray(edges.sum(axis=1)).ravel() + options.degree_floor
    scale = sp.diags_array(np.where(degree > 0, degree, 1) ** -0.5)
    return (scale @ edges @ scale).tocsr()


def _neighbours(unit: Array, k: int) -> tuple[NDArray[np.int64], Array]:
    """Return positions and cosines [N, k] of the k nearest other rows of N unit vectors [N, D]."""
    count = len(unit)
    near, cosine = np.zeros((count, k), np.int64), np.zeros((count, k), np.float32)
    step = max(1, BLOCK // max(1, count))
    for start in range(0, count if k else 0, step):
        block = unit[start : start + step] @ unit.T
        block[np.arange(len(block)), start + np.arange(len(block))] = -2  # a row itself
        best = np.argpartition(block, count - k, axis=1)[:, count - k :]
        near[start : start + step] = best
        cosine[start : start + step] = np.take_along_axis(block, best, axis=1)
    return near, cosine


def _distinct(*settings: SettingClips) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the positions [M] of clips that differ, and for each clip [N] the one it equals.

    Equal clips are nearest to one another, and would leave no neighbours but themselves.
    """
    arrays = [np.ascontiguousarray(clips.probability) for clips in settings]
    for clips in settings:
        for _, vectors, present in clips.modalities:
            arrays.append(np.where(present[:, None], vectors, np.nan))
    known: dict[bytes, int] = {}
    keys = (b"".join(array[row].tobytes() for array in arrays) for row in range(len(arrays[0])))
    copy = np.array([known.setdefault(key, len(known)) for key in keys], np.int64)
    return np.unique(copy, return_index=True)[1].astype(np.int64), copy


def _power(values: Array, exponent: float) -> Array:
    """Return rows [N, C] to a power, with the sum 1; relative to the best, against underflow."""
    best = values.max(axis=1, keepdims=True)
    return _unit_sum((values / best) ** np.float32(exponent))


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _unit_sum(values: Vectors) -> Array:
    """Return rows [N, C] scaled to the sum 1; rows that sum to 0 become NaN."""
    total = values.sum(axis=1, keepdims=True)
    return (values / np.where(total > 0, total, np.nan)).astype(np.float32)
