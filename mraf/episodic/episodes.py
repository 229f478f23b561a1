"""The training clips, and the episodes drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mraf.episodic.options import EpisodicOptions
from mraf.network.batches import Batch
from mraf.prototypes.metric import TrainingModality
from mraf.prototypes.recordings import Recordings


@dataclass(frozen=True, kw_only=True)
class Episode:
    """Q clips to name, and the S recordings whose means are the prototypes of this episode.

    No speaker's prototype holds the recording of the speaker's own query, unless it is the
    speaker's only recording.
    """

    query: Tensor  # [Q], clips
    label: Tensor  # [Q]
    support: Tensor  # [S], recordings
    support_label: Tensor  # [S]


@dataclass(frozen=True, kw_only=True)
class TrainingClips:
    """N clips with whitened vectors, by recording and speaker."""

    face: TrainingModality
    voice: TrainingModality
    recordings: Recordings  # of all clips
    face_mean: Tensor  # [R, D_f], unit means of the faces of a recording
    face_known: Tensor  # [R] bool, recordings with a face
    voice_mean: Tensor  # [R, D_a]
    voice_known: Tensor  # [R] bool

    @classmethod
    def of(
        cls, samples: Batch, recording: Tensor, classes: int, options: EpisodicOptions
    ) -> TrainingClips:
        """Whiten N clips, which have recordings [N]."""
        recordings = Recordings.of(samples.label, recording, classes)
        face, voice = (
            TrainingModality.of(
                x,
                present=present,
                label=samples.label,
                recording=recording,
                classes=classes,
                shrinkage=shrinkage,
            )
            for x, present, shrinkage in (
                (samples.face, samples.face_present, options.face_shrinkage),
                (samples.voice, samples.voice_present, options.voice_shrinkage),
            )
        )
        face_mean, face_known = _means(face, recordings)
        voice_mean, voice_known = _means(voice, recordings)
        return cls(
            face=face,
            voice=voice,
            recordings=recordings,
            face_mean=face_mean,
            face_known=face_known,
            voice_mean=voice_mean,
            voice_known=voice_known,
        )

    def episode(self, options: EpisodicOptions) -> Episode:
        """Draw an episode: for each speaker, clips of one recording, and some of the others."""
        parts: list[tuple[Tensor, Tensor]] = []
        speaker = self.recordings.speaker
        for label in self.recordings.known.nonzero().flatten():
            own = (speaker == label).nonzero().flatten()
            own = own[torch.randperm(len(own))]
            clips = (self.recordings.recording == own[0]).nonzero().flatten()
            query = clips[torch.randint(len(clips), (options.queries,))]
            count = 1 + int(torch.randint(options.support, ()))
            # A speaker's only recording is both.
            parts.append((query, (own[1:] if len(own) > 1 else own)[:count]))
        query, support = (torch.cat(each) for each in zip(*parts, strict=True))
        return Episode(
            query=query,
            label=self.recordings.label[query],
            support=support,
            support_label=speaker[support],
        )


def _means(modality: TrainingModality, recordings: Recordings) -> tuple[Tensor, Tensor]:
    """Return unit means [R, D] of the present clips of each recording, and a mask [R] of any."""
    # Missing vectors are zero, so they change the length of a mean, and not its direction.
    known = recordings.means(modality.present[:, None].float()).squeeze(-1) > 0
    return F.normalize(recordings.means(modality.u), dim=-1), known
