"""Clips of enrolled people and of strangers, made from training clips by leaving speakers out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mraf.inference.folds import FOLDS
from mraf.inference.prediction import MODALITIES, Model, evaluating
from mraf.network.batches import Batch
from mraf.network.model import MRAFOutput
from mraf.recognition.signals import compare
from mraf.types import Features

NO_PROTOTYPE = -1e4
"""The score of a speaker who is not in the gallery; that of `mraf.prototypes.fusion.UNKNOWN`."""

BATCH = 1024
"""The number of clips that are compared at once."""

SURE = 0.9
"""The threshold suffices in this share of the resampled sets of strangers."""

RESAMPLED = 200


@dataclass(frozen=True, kw_only=True)
class Trials:
    """M comparisons of clips with a gallery that lacks their recording, or their speaker."""

    scores: NDArray[np.float64]  # [M, 6], see `mraf.recognition.signals.Compared`
    column: NDArray[np.int64]  # [M], of `MODALITIES`
    known: NDArray[np.bool_]  # [M], the person is in the gallery
    right: NDArray[np.bool_]  # [M], and is the one named
    speaker: NDArray[np.int64]  # [M]
    group: NDArray[np.int64]  # [M], the speakers that were left out together

    def __len__(self) -> int:
        """Return M."""
        return len(self.column)

    def take(self, index: NDArray[np.bool_]) -> Trials:
        """Return the trials in a mask [M]."""
        return replace(self, **{name: array[index] for name, array in vars(self).items()})

    @classmethod
    def joined(cls, parts: list[Trials]) -> Trials | None:
        """Return the trials of all parts; None without any."""
        parts = [part for part in parts if len(part)]
        if not parts:
            return None
        names = [each.name for each in fields(cls)]
        return cls(
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        )


def groups_of(train: Features, seed: int) -> NDArray[np.int64]:
    """Return the group [N] of each clip's speaker, in which the speaker is left out."""
    people = np.random.default_rng(seed).permutation(np.unique(train.label))
    group = np.full(int(people.max(initial=-1)) + 1, -1, np.int64)
    group[people] = np.arange(len(people)) % min(FOLDS, max(1, len(people)))
    return group[train.label]


def leave_out(
    train: Features, fold: NDArray[np.int64], seed: int
) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]]:
    """Yield a group, and masks [N] of the clips that train, are known people's and are strangers'.

    Speakers are dealt into groups; each group is left out in turn, with one fold of the recordings of
    the others.
    """
    group = groups_of(train, seed)
    for k in range(int(group.max(initial=-1)) + 1):
        stranger = group == k
        held = ~stranger & (fold == k)
        yield k, ~stranger & ~held, held, stranger


def trials_of(
    model: Model,
    clips: Features,
    *,
    group: NDArray[np.int64],
    enrolled: NDArray[np.bool_],
    hidden: bool = False,
) -> Trials | None:
    """Return the trials of clips [N], with all that they have and with each modality alone.

    Args:
        model: did not train on the clips.
        clips: have labels.
        group: [N], for `Trials.group`.
        enrolled: [C] bool, the speakers in the gallery.
        hidden: make strangers of the clips, by taking their speaker out of the scores.
    """
    device = next(model.buffers()).device
    samples, parts = Batch.of(clips, device), []
    gallery = torch.from_numpy(enrolled).to(device)
    with evaluating(model):
        for column, (face, voice) in enumerate(MODALITIES.values()):
            suits = (samples.face_present | (not face)) & (samples.voice_present | (not voice))
            rows = suits.nonzero().squeeze(-1)
            for begin in range(0, len(rows), BATCH):
                index = rows[begin : begin + BATCH]
                batch = samples.take(index)
                shown = torch.ones_like(batch.face_present)
                output = model(batch.face, batch.voice, shown & face, shown & voice)
                if hidden:
                    output = _without(output, batch.label)
                found = compare(output)
                known = gallery[batch.label] & (not hidden)
                keep = (found.column == column) & (output.face_used | output.voice_used)
                right = known & (found.named == batch.label)
                columns = (found.scores, found.column, known, right, batch.label)
                made = [each[keep].cpu().numpy() for each in columns]
                parts.append(
                    Trials(
                        scores=made[0].astype(np.float64),
                        column=made[1],
                        known=made[2],
                        right=made[3],
                        speaker=made[4],
                        group=group[index[keep].cpu().numpy()],
                    )
                )
    return Trials.joined(parts)


def _without(output: MRAFOutput, label: Tensor) -> MRAFOutput:
    """Return the scores without those of one speaker a clip, `label` [B]."""
    names = ("face_logits", "voice_logits", "fusion_logits")
    hidden = {name: getattr(output, name) for name in names}
    return replace(
        output,
        **{
            name: scores.scatter(1, label[:, None], NO_PROTOTYPE) for name, scores in hidden.items()
        },
    )


def safe_quantile(
    logit: NDArray[np.float64], speaker: NDArray[np.int64], false_names: float
) -> float:
    """Return a logit that at most a share of strangers' clips [M] exceeds, in most sets of such strangers.

    Clips of one stranger go together, and one look-alike is most of the highest per cent: the speakers
    are drawn anew, and the threshold suffices for `SURE` of the draws.
    """
    order = np.argsort(logit)
    sorted_logit = logit[order]
    _, who = np.unique(speaker[order], return_inverse=True)
    number = int(who.max()) + 1
    random = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLED):
        counts = np.bincount(random.integers(number, size=number), minlength=number)
        mass = np.cumsum(counts[who].astype(np.float64))
        at = np.searchsorted(mass, (1 - false_names) * mass[-1] - 1e-9)
        found.append(sorted_logit[min(at, len(logit) - 1)])
    return float(np.quantile(found, SURE))
