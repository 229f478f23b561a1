"""Identification: the speaker of a clip."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.device import choose_device
from mraf.errors import MediaError
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor, Extracted
from mraf.extractors.processor import refuse_or_remark
from mraf.extractors.weights import Progress, at_hand
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers import notes, people
from mraf.pipeline.answers.answer import Candidate, Evidence, Prediction, Voice
from mraf.pipeline.answers.asking import features_of, first_of
from mraf.pipeline.answers.loading import Loading, options_of
from mraf.pipeline.answers.words import why_nothing
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.fingerprints import encoders_of
from mraf.pipeline.inputs import clip_of, files_to_identify
from mraf.pipeline.people.compare import Comparison, compare_with
from mraf.pipeline.people.enrolment.members import Members
from mraf.pipeline.workspace import Workspace
from mraf.recognition.pairs import Pairs
from mraf.types import Posterior

if TYPE_CHECKING:
    from mraf.inference.prediction import References


class Identifier(Members):
    """A trained model and its encoders, loaded once; call it with one clip after another.

    Its encoders run in this process, and a child process decodes: `close`, or the end of a `with` block,
    ends that.

    Args:
        workspace: the folder with the model, by default `./mraf-workspace`.
        model: its name, by default the one trained last.
        encoders: in place of those that `choose` finds for the model.
        audio_track: number (from 1) or language of the sound track to read; by default the best.
        video_track: number (from 1) of the picture to read; by default the best.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU.
        threshold: of the probability that a person is enrolled, 0 to 1: below it nobody is named. By
            default the model's own, which keeps strangers with a name to the share chosen in training.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.

    Raises:
        MissingError: there is no model, or weights of its encoders are not there.
        UsageError: the threshold is out of range, `encoders` are not those of the model, there is no such encoder any more, or
            another version of the extraction made the features that it was trained on.
        MrafError: a file of the model is damaged, or another version of mraf wrote it.
    """

    def __init__(
        self,
        workspace: Workspace | Path | str | None = None,
        *,
        model: str | None = None,
        encoders: EncoderPair | None = None,
        audio_track: str | None = None,
        video_track: int | None = None,
        weights_dir: Path | str | None = None,
        offline: bool = False,
        device: str = "auto",
        precision: str = "auto",
        threshold: float | None = None,
        on_download: Progress | None = None,
    ) -> None:
        from mraf import checkpoint

        people.check_threshold(threshold)
        self._threshold = threshold
        device = choose_device(device)
        refuse_or_remark(precision, device)
        self.workspace = Workspace.at(workspace)
        folder = self.folder = self.workspace.model(model)
        described = checkpoint.describe(folder)
        trained = Fingerprint.from_dict(described.meta.get("fingerprint"))
        # A model that is of no use is refused before weights are looked for, and perhaps fetched.
        expected = encoders or encoders_of(trained, model=folder.name)
        options, self.notes = options_of(trained, expected, folder.name)
        options = replace(options, audio_track=audio_track, video_track=video_track)
        self.name = folder.name
        self.speakers = described.labels
        tensors = checkpoint.read_weights(described)
        weights = Path(weights_dir) if weights_dir else None
        pair = encoders or choose(
            known=trained, weights_dir=weights, offline=offline, progress=on_download
        )
        # The networks load while torch, which the model needs, does.
        extractor = Loading(
            lambda: ClipExtractor(
                pair,
                options,
                device,
                threads=available_cores(),
                precision=precision,
                segmentation=at_hand("segmentation", weights),
            )
        )
        try:
            self._model = checkpoint.load(described, device, tensors=tensors).model
            if not bool(self._model.recogniser.fitted):
                self.notes = (*self.notes, notes.STRANGERS_UNTOLD)
            self._extractor = extractor.result()
        except BaseException:
            extractor.abandon()
            raise

    def close(self) -> None:
        """End the child process that decodes; a later call starts another."""
        self._extractor.close()

    def __enter__(self) -> "Identifier":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self, clip: Path | str | Clip, top: int = 5) -> Prediction:
        """Identify the speaker of a video, a sound file, a picture or a `Clip`.

        A person whom the model does not know gives a prediction that is `unknown`, without a speaker; its
        candidates are those whom the person is most like. A clip that cannot be read, or that has neither face nor voice of a kind that the model has
        learned, gives a prediction without a speaker, whose `error` says why. `top` is the number of
        candidates.
        """
        path = str(clip.files[0] if isinstance(clip, Clip) else clip)
        each = clip if isinstance(clip, Clip) else clip_of(Path(clip))
        try:
            found = self._extractor(each.video, each.audio, each.image, each.start, each.end)
        except MediaError as error:
            return _lost(path, str(error))
        return self._predict(path, found, top)

    def compare(self, a: Path | str | Clip, b: Path | str | Clip) -> Comparison:
        """Compare two clips: see `mraf.compare`, whose errors this raises."""
        pairs = Pairs.of(self._extractor.pair.face.name, self._extractor.pair.voice.name)
        return compare_with(self._extractor, pairs, a, b)

    def _predict(self, path: str, found: Extracted, top: int) -> Prediction:
        from mraf.inference.prediction import references_of

        voice = found.voice
        parts = voice.voices or voice.perhaps
        posterior = self._asked(found)
        by_face, by_voice = _alone(found, posterior, self.speakers)
        if np.isnan(posterior.probability[people.CLIP]).any():
            return _nothing(path, found, by_face, by_voice)
        several = tuple(
            Voice(
                seconds=round(part.seconds, 2),
                side=part.side,
                **first_of(posterior, row, self.speakers),
            )
            for row, part in enumerate(parts, start=people.VOICE + 1)
        )
        if not voice.voices and notes.different_names(several):  # the model hears several people
            voice = replace(voice, voices=voice.perhaps)
            found = replace(found, voice=voice)
        by_voice = replace(by_voice, voices=several if voice.voices else ())
        answer = _answered(found, posterior, references_of(self._model))
        ranked = self._ranked(answer.probability, max(1, top))
        first = None if answer.unknown else ranked[0]
        conflict = notes.conflict(answer, by_face, by_voice)
        return Prediction(
            path=path,
            speaker=first.speaker if first else None,
            probability=first.probability if first else None,
            candidates=ranked,
            face=by_face,
            voice=by_voice,
            known=answer.known,
            threshold=answer.threshold,
            unknown=answer.unknown,
            notes=(*self.notes, *notes.notes_on(found, by_voice.voices, conflict)),
            seconds=found.seconds,
            seconds_read=found.seconds_read,
        )

    def _asked(self, found: Extracted) -> Posterior:
        """Ask the model about a clip, its face alone, its voice alone, and each of several voices."""
        from mraf.inference.prediction import predict

        face, voice = found.face.vector, found.voice.vector
        rows = [(face, voice), (face, None), (None, voice)]
        rows += [(None, part.vector) for part in found.voice.voices or found.voice.perhaps]
        posterior = predict(self._model, features_of(rows, self._model.config))
        return people.with_threshold(posterior, self._threshold)

    def _ranked(self, probability: np.ndarray, top: int) -> tuple[Candidate, ...]:
        order = np.argsort(-probability, kind="stable")[:top]
        return tuple(
            Candidate(speaker=self.speakers[i], probability=float(probability[i])) for i in order
        )


def identify(
    paths: Iterable[Path | str] | Path | str,
    *,
    workspace: Workspace | Path | str | None = None,
    model: str | None = None,
    top: int = 5,
    encoders: EncoderPair | None = None,
    audio_track: str | None = None,
    video_track: int | None = None,
    weights_dir: Path | str | None = None,
    offline: bool = False,
    device: str = "auto",
    precision: str = "auto",
    threshold: float | None = None,
    on_download: Progress | None = None,
    on_note: Callable[[str], None] | None = None,
    on_prediction: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Identify clips and pictures, and those below folders, one after another.

    A folder that cannot be listed gives a prediction without a speaker too.

    A person whom the model does not know is an answer: a prediction that is `unknown`.

    Args:
        paths: one or several files and folders; listed before the models are loaded.
        workspace: the folder with the model, by default `./mraf-workspace`.
        model: its name, by default the one trained last.
        top: candidates a clip.
        encoders: in place of those that `choose` finds for the model.
        audio_track: number (from 1) or language of the sound track to read; by default the best.
        video_track: number (from 1) of the picture to read; by default the best.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "single" or "bfloat16" of the encoders' arithmetic on a CPU.
        threshold: of the probability that a person is enrolled, 0 to 1, in place of the model's own.
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.
        on_note: called with each note on the model, which each prediction has too.
        on_prediction: called after each clip.

    Raises UsageError where a path is not there, and the errors of `Identifier`.
    """
    people.check_threshold(threshold)
    named = [paths] if isinstance(paths, Path | str) else paths
    found: list[Path | Prediction] = [each for path in named for each in _files_of(Path(path))]
    with Identifier(
        workspace,
        model=model,
        encoders=encoders,
        audio_track=audio_track,
        video_track=video_track,
        weights_dir=weights_dir,
        offline=offline,
        device=device,
        precision=precision,
        threshold=threshold,
        on_download=on_download,
    ) as identified:
        if on_note:
            for note in identified.notes:
                on_note(note)
        return [*_each(identified, found, top, on_prediction)]


def _each(
    identified: Identifier,
    found: Iterable[Path | Prediction],
    top: int,
    on_prediction: Callable[[Prediction], None] | None,
) -> Iterator[Prediction]:
    for each in found:
        prediction = each if isinstance(each, Prediction) else identified(each, top)
        if on_prediction:
            on_prediction(prediction)
        yield prediction


def _alone(
    found: Extracted, posterior: Posterior, speakers: Sequence[str]
) -> tuple[Evidence, Evidence]:
    """Return what the face and the voice of a clip say, each alone."""
    face, voice = found.face, found.voice
    by_face = Evidence(
        present=face.vector is not None,
        weight=float(posterior.face_weight[people.CLIP]),
        reason=face.reason,
        problem=face.problem,
        frames=face.frames,
        **first_of(posterior, people.FACE, speakers),
    )
    by_voice = Evidence(
        present=voice.vector is not None,
        weight=float(posterior.voice_weight[people.CLIP]),
        reason=voice.reason,
        problem=voice.problem,
        seconds=round(voice.seconds, 2),
        overlap=round(voice.overlap, 2),
        **first_of(posterior, people.VOICE, speakers),
    )
    return by_face, by_voice


def _answered(found: Extracted, posterior: Posterior, references: "References") -> people.Answer:
    """Return who speaks in a clip with these posteriors, of which those of several voices are the last."""
    from mraf.inference.mixture import at_once

    voice = found.voice
    if found.face.vector is not None or not np.isfinite(posterior.probability[people.VOICE]).all():
        return people.of_face_and_voice(posterior, voice.seconds, voice.snr, references)
    if voice.voices:
        return people.of_voices(posterior, [each.seconds for each in voice.voices])
    answer = people.of_face_and_voice(posterior, voice.seconds, voice.snr, references)
    if not voice.seconds:
        return answer
    probability = at_once(answer.probability, voice.overlap / voice.seconds)
    return replace(answer, probability=probability)


def _files_of(path: Path) -> list[Path | Prediction]:
    """Return the files at and below a path, and a prediction for each folder that cannot be listed."""
    files, unreadable = files_to_identify(path)
    closed = [
        _lost(folder, f"this folder cannot be listed ({reason})")
        for folder, reason in unreadable.items()
    ]
    return [*files, *closed]


def _lost(path: str, error: str) -> Prediction:
    lost = Evidence(present=False, reason="decode_error")
    return _unidentified(path, error, face=lost, voice=lost)


def _unidentified(path: str, error: str, *, face: Evidence, voice: Evidence) -> Prediction:
    return Prediction(
        path=path, speaker=None, probability=None, face=face, voice=voice, error=error
    )


def _nothing(path: str, found: Extracted, face: Evidence, voice: Evidence) -> Prediction:
    """Return the prediction of a clip that has nothing of which the model has learned any."""
    error = why_nothing(face, voice, found.seconds, found.seconds_read)
    return replace(
        _unidentified(path, error, face=face, voice=voice),
        notes=(*notes.undecoded(found), *found.notes),
        seconds=found.seconds,
        seconds_read=found.seconds_read,
    )
