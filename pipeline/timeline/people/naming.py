"""Names for faces and voices of a file, by a model, as for those of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf.errors import MissingError
from mraf.pipeline.answers import notes, people
from mraf.pipeline.answers.answer import Evidence
from mraf.pipeline.answers.asking import features_of, first_of
from mraf.pipeline.answers.loading import options_of
from mraf.pipeline.timeline.linking.looks import Look, Named
from mraf.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mraf.extractors.encoders import EncoderPair
    from mraf.types import Posterior

_FACE, _VOICE, _BOTH = "face", "voice", "face and voice"


class NamingModel:
    """The model of a workspace without its encoders, which have made the vectors already.

    Args:
        workspace: the folder with the model, by default `./mraf-workspace`.
        encoders: those that made the vectors.
        model: its name, by default the one trained last.
        threshold: of the probability that a person is enrolled, 0 to 1, in place of the model's own.
        device: that the model runs on, of torch.

    Raises:
        MissingError: there is no such model.
        UsageError: the threshold is out of range, or the model was trained on vectors of other encoders or of
            another version of the extraction.
        MrafError: a file of the model is damaged.
    """

    def __init__(
        self,
        workspace: Workspace | Path | str | None,
        encoders: EncoderPair,
        *,
        model: str | None = None,
        threshold: float | None = None,
        device: str = "cpu",
    ) -> None:
        from mraf import checkpoint
        from mraf.fingerprint import Fingerprint
        from mraf.inference.prediction import references_of

        people.check_threshold(threshold)
        folder = Workspace.at(workspace).model(model)
        described = checkpoint.describe(folder)
        trained = Fingerprint.from_dict(described.meta.get("fingerprint"))
        _, self.notes = options_of(trained, encoders, folder.name)
        self.name = folder.name
        self.speakers: tuple[str, ...] = described.labels
        self._threshold = threshold
        self._model: Any = checkpoint.load(described, device).model
        self._references = references_of(self._model)
        if not bool(self._model.recogniser.fitted):
            self.notes = (*self.notes, notes.STRANGERS_UNTOLD)

    @classmethod
    def of(
        cls,
        workspace: Workspace | Path | str | None,
        encoders: EncoderPair,
        *,
        model: str | None = None,
        threshold: float | None = None,
        device: str = "cpu",
    ) -> NamingModel | None:
        """Return the model of a workspace; None where no model is named and none is there.

        The arguments and the other errors are those of the class.
        """
        people.check_threshold(threshold)
        if model is None:
            try:
                Workspace.at(workspace).model()
            except MissingError:
                return None
        return cls(workspace, encoders, model=model, threshold=threshold, device=device)

    def __call__(self, looks: Sequence[Look]) -> list[Named]:
        """Return the answer to each; a voice of under 2 s of speech is not asked."""
        from mraf.inference.prediction import predict

        if not looks:
            return []
        rows = [_asked(look) for look in looks]
        parts = [part for f, v in rows for part in ((f, v), (f, None), (None, v))]
        found = predict(self._model, features_of(parts, self._model.config))
        found = people.with_threshold(found, self._threshold)
        return [self._named(_only(found, 3 * i), rows[i], look) for i, look in enumerate(looks)]

    def _named(
        self, posterior: Posterior, row: tuple[np.ndarray | None, np.ndarray | None], look: Look
    ) -> Named:
        if np.isnan(posterior.probability[people.CLIP]).any():
            return Named()
        answer = people.of_face_and_voice(posterior, look.seconds, None, self._references)
        face, voice = (
            Evidence(present=each is not None, **first_of(posterior, part, self.speakers))
            for part, each in zip((people.FACE, people.VOICE), row, strict=True)
        )
        first = int(answer.probability.argmax())
        name = None if answer.unknown else self.speakers[first]
        return Named(
            name=name,
            probability=None if name is None else float(answer.probability[first]),
            known=answer.known,
            by=None if name is None else _by(name, face, voice),
            notes=notes.conflict(answer, face, voice),
            face=face.speaker,
            voice=voice.speaker,
            face_known=face.known,
            voice_known=voice.known,
            half=name is not None and self._half(first),
            asked=True,
        )

    def _half(self, speaker: int) -> bool:
        """Return whether the model has no face, or no voice, of a speaker."""
        references = self._references
        return references is not None and not (
            references.face[speaker] and references.voice[speaker]
        )


def _asked(look: Look) -> tuple[np.ndarray | None, np.ndarray | None]:
    enough = look.voice is not None and look.seconds >= people.SHORT_SECONDS
    face, voice = look.face, look.voice if enough else None
    return _single(face), _single(voice)


def _single(vector: np.ndarray | None) -> np.ndarray | None:
    return None if vector is None else np.asarray(vector, np.float32)


def _only(posterior: Posterior, first: int) -> Posterior:
    """Return the three rows of one person."""
    from mraf.types import Posterior

    rows = slice(first, first + 3)
    return Posterior(
        probability=posterior.probability[rows],
        face_weight=posterior.face_weight[rows],
        voice_weight=posterior.voice_weight[rows],
        known=None if posterior.known is None else posterior.known[rows],
        threshold=None if posterior.threshold is None else posterior.threshold[rows],
    )


def _by(name: str, face: Evidence, voice: Evidence) -> str:
    """Return what has named somebody: what names them alone too, else all that there is."""
    alone = [each.speaker == name for each in (face, voice)]
    if not any(alone):
        alone = [each.present for each in (face, voice)]
    return {(True, False): _FACE, (False, True): _VOICE}.get((alone[0], alone[1]), _BOTH)
