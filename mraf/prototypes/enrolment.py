"""People who come to a model of prototypes after its training, and people who leave it.

A prototype is a mean, so a newcomer needs no training: the vectors are whitened, averaged and mapped by
the metric as those of the training clips were. Prototypes and offsets of the others stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.errors import UsageError
from mraf.inference.prediction import check_dims
from mraf.network.batches import Batch
from mraf.prototypes.model import ClassMeans, PrototypeModel
from mraf.prototypes.options import PrototypeConfig
from mraf.prototypes.recordings import Recordings
from mraf.recognition.likeness import NEWCOMER, Likeness
from mraf.recognition.pairs import BOTH, Pairs
from mraf.recognition.signals import SIGNALS
from mraf.types import Features

SPEAKERS_AT_START = 20
"""The K of `mraf.prototypes.fusion.evidence` in a model that begins with enrolment."""


@torch.no_grad()
def blank(face_dim: int, voice_dim: int, *, face: str, voice: str) -> PrototypeModel:
    """Return a model that has learned nothing, with one speaker whose clips are still to come.

    Vectors are compared as they are: no centre, no whitening, no metric. Its probabilities, and the
    decision who is known, are those of pairs of clips (`mraf.recognition.pairs`).

    Args:
        face_dim: D_f.
        voice_dim: D_a.
        face: name of the encoder of faces.
        voice: name of the encoder of voices.

    Raises:
        UsageError: the pairs of an encoder were not measured.
    """
    model = PrototypeModel(
        PrototypeConfig(
            face_dim=face_dim,
            voice_dim=voice_dim,
            classes=1,
            face_speakers=SPEAKERS_AT_START,
            voice_speakers=SPEAKERS_AT_START,
        )
    )
    pairs = Pairs.of(face, voice)
    (f, f_bias), (a, a_bias) = pairs.face_line, pairs.voice_line
    # Log odds that grow by f with the cosine: softmax(f cosine) over equally likely people.
    model.temperature.value.copy_(torch.tensor([1.0, 1 / a, 1 / f]))
    made = model.recogniser
    # What has not been fitted may be NaN, which no weight of 0 hides.
    made.load_state_dict({name: b.nan_to_num() for name, b in made.state_dict().items()})
    w_f, w_a, bias = BOTH
    made.weight.zero_()
    for column, (by_face, by_voice, by_both) in enumerate(
        ((w_f, w_a, w_f * f_bias + w_a * a_bias + bias), (0, 1, a_bias), (1, 0, f_bias))
    ):
        made.weight[column, SIGNALS.index("face")] = by_face * f
        made.weight[column, SIGNALS.index("voice")] = by_voice * a
        made.bias[column] = by_both
    made.threshold.copy_(torch.tensor(NEWCOMER).sigmoid())
    made.ask(Likeness.of((face, voice)), 0.01)
    made.fitted.fill_(True)
    return model.eval()


@torch.no_grad()
def enrolled(
    model: PrototypeModel, clips: Features, index: int | None, instead_of: Features | None = None
) -> PrototypeModel:
    """Return the model with one more speaker, or with more clips of the speaker `index`.

    All clips [N] are of that person; their labels are not looked at. A newcomer gets the last index.
    Each recording counts once within a call; where some of its clips came earlier, these must be given
    in both `clips` and `instead_of`. The number of speakers K that weighs evidence stays that of training, so
    that the answers for the others keep their ratios.

    Args:
        model: the model, which stays as it is.
        clips: of the person; none at all where clips are only taken out.
        index: of the person, None for a newcomer.
        instead_of: whole recordings [M] that the model has of the person, which are taken out.

    Raises:
        UsageError: no clip has a face or a voice, or the vectors do not have the model's dimensions.
    """
    check_dims(model.config, clips)
    usable = clips.take(clips.face_present | clips.voice_present)
    if not len(usable) and instead_of is None:
        raise UsageError("enrolment: no clip has a face or a voice")
    classes = model.config.classes
    at = classes if index is None else index
    made = _resized(
        model,
        rows=[*range(classes), *([None] if index is None else [])],
        config=_config(model, max(classes, at + 1)),
    )
    if instead_of is not None:
        check_dims(model.config, instead_of)
        _add(made, at, instead_of, -1)
    _add(made, at, usable, 1)
    return _as(made, model)


@torch.no_grad()
def forgotten(model: PrototypeModel, index: int) -> PrototypeModel:
    """Return the model without a speaker; those behind move up by one.

    The person's prototypes and recordings go. What was learned from all speakers together stays: the
    mean, the whitening, the metric and the temperatures.

    Raises:
        UsageError: nobody would be left.
    """
    classes = model.config.classes
    if classes < 2:
        raise UsageError("enrolment: a model needs a speaker, and this is its last one")
    rows: list[int | None] = [i for i in range(classes) if i != index]
    config = _config(model, classes - 1)
    made = _resized(model, rows=rows, config=config, kept=lambda speaker: speaker != index)
    return _as(made, model)


@torch.no_grad()
def merged(model: PrototypeModel, keep: int, drop: int) -> PrototypeModel:
    """Return the model with two speakers as one, who has the recordings of both.

    The one called `keep` stays; speakers behind `drop` move up by one.
    """
    whole = _resized(model, rows=list(range(model.config.classes)), config=model.config)
    for part in (whole.face, whole.voice):
        part.cohort_speaker[part.cohort_speaker == drop] = keep
        if part.known[drop]:
            _move(part, keep, part.means[drop], part.count[drop], model.config.hubness_offset)
    whole.recogniser.recordings[keep] += whole.recogniser.recordings[drop]
    return _as(forgotten(whole, drop), model)


def _add(made: PrototypeModel, at: int, clips: Features, times: int) -> None:
    """Add the recordings of clips to the speaker at an index; with `times` -1 they are taken out."""
    clips = clips.take(clips.face_present | clips.voice_present)
    if not len(clips):
        return
    samples = Batch.of(clips, "cpu")
    recording = torch.from_numpy(clips.recording)
    for part, x, present in (
        (made.face, samples.face, samples.face_present),
        (made.voice, samples.voice, samples.voice_present),
    ):
        if present.any():
            label = torch.zeros(int(present.sum()), dtype=torch.int64)
            of_clips = Recordings.of(label, recording[present], 1)
            mean = of_clips.prototypes(part.whiten(x[present]))[0]
            _move(part, at, mean, times * of_clips.count[0], made.config.hubness_offset)
    recordings = made.recogniser.recordings
    recordings[at] = (recordings[at] + times * len(recording.unique())).clamp(min=0)


def _move(part: ClassMeans, at: int, mean: Tensor, count: Tensor, share: float) -> None:
    """Add `count` recordings with the mean [D] to the speaker at an index; fewer than 0 are taken out."""
    total = part.count[at] + count
    if total <= 0:
        for tensor in (part.means, part.prototypes, part.offset, part.count, part.known):
            tensor[at] = 0
        return
    usual = part.hubness(at)[0] if part.known[at] else part.usual_hubness()
    part.means[at] = (part.count[at] * part.means[at] + count * mean) / total
    part.count[at] = total
    # The metric alone: means are of whitened vectors already.
    metric = torch.linalg.solve(part.whitening, part.projection)
    part.prototypes[at] = F.normalize(part.means[at] @ metric, dim=-1)
    part.offset[at] += share * (part.hubness(at)[0] - usual)
    part.known[at] = True


def _resized(
    model: PrototypeModel,
    *,
    rows: list[int | None],
    config: PrototypeConfig,
    kept: Callable[[Tensor], Tensor] = lambda speaker: speaker >= 0,
) -> PrototypeModel:
    """Return a copy on the CPU, with the speakers at `rows` and room for one at each None.

    `kept` chooses the rows of the cohort by their speakers, who must be among `rows`.
    """
    old = {name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}
    place = torch.full((model.config.classes,), -1)
    for new, row in enumerate(rows):
        if row is not None:
            place[row] = new
    state = dict(old)
    for name in ("face", "voice"):
        mask = kept(old[f"{name}.cohort_speaker"])
        state[f"{name}.cohort"] = old[f"{name}.cohort"][mask]
        state[f"{name}.cohort_speaker"] = place[old[f"{name}.cohort_speaker"][mask]]
        for field in ("means", "prototypes", "offset", "count", "known"):
            state[f"{name}.{field}"] = _rows(old[f"{name}.{field}"], rows)
    for field in ("recordings", "trained"):
        state[f"recogniser.{field}"] = _rows(old[f"recogniser.{field}"], rows)
    made = PrototypeModel(
        replace(
            config,
            face_cohort=len(state["face.cohort"]),
            voice_cohort=len(state["voice.cohort"]),
        )
    )
    made.load_state_dict(state)
    return made.eval()


def _rows(tensor: Tensor, rows: list[int | None]) -> Tensor:
    nothing = torch.zeros_like(tensor[0])
    return torch.stack([nothing if row is None else tensor[row] for row in rows])


def _config(model: PrototypeModel, classes: int) -> PrototypeConfig:
    """Return the configuration for other speakers, with the K of each modality in training.

    A modality that training lacked gets the K of the other.
    """
    config = model.config
    face = config.face_speakers or int(model.face.known.sum())
    voice = config.voice_speakers or int(model.voice.known.sum())
    return replace(
        config,
        classes=classes,
        face_speakers=face or voice,
        voice_speakers=voice or face,
    )


def _as(made: PrototypeModel, model: PrototypeModel) -> PrototypeModel:
    """Return a model on the device and in the mode of another."""
    return made.to(next(model.buffers()).device).train(model.training)
