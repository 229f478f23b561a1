"""Identification: the speaker of a clip."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.device import choose_device
from mraf.errors import MediaError
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor, Extracted, ExtractOptions
from mraf.extractors.processor import refuse_or_remark
from mraf.extractors.turns import segmentation
from mraf.extractors.weights import Progress
from mraf.fingerprint import Fingerprint
from mraf.pipeline.answers import notes
from mraf.pipeline.answers.answer import Candidate, Evidence, Prediction, each_voice
from mraf.pipeline.answers.words import why_nothing
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.fingerprints import check_fits, encoders_of
from mraf.pipeline.inputs import clip_of, files_to_identify
from mraf.pipeline.people.enrolment.members import Members
from mraf.pipeline.workspace import Workspace
from mraf.types import Features


class _Loading:
    """An extractor that is made in a thread, for which Ctrl-C does not wait."""

    def __init__(self, make: Callable[[], ClipExtractor]) -> None:
        self._make = make
        self._made: SimpleQueue[ClipExtractor | BaseException] = SimpleQueue()
        self._abandoned = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def result(self) -> ClipExtractor:
        """Return the extractor when it is made, or raise the error of its making."""
        made = self._made.get()
        if isinstance(made, BaseException):
            raise made
        return made

    def abandon(self) -> None:
        """Close the extractor when it is made, without waiting for that."""
        self._abandoned.set()

    def _run(self) -> None:
        try:
            made = self._make()
        except BaseException as error:
            self._made.put(error)
            return
        self._made.put(made)
        if self._abandoned.is_set():
            made.close()


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
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.

    Raises:
        MissingError: there is no model, or weights of its encoders are not there.
        UsageError: `encoders` are not those of the model, there is no such encoder any more, or
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
        on_download: Progress | None = None,
    ) -> None:
        from mraf import checkpoint

        device = choose_device(device)
        refuse_or_remark(precision, device)
        self.workspace = Workspace.at(workspace)
        folder = self.folder = self.workspace.model(model)
        described = checkpoint.describe(folder)
        trained = Fingerprint.from_dict(described.meta.get("fingerprint"))
        # A model that is of no use is refused before weights are looked for, and perhaps fetched.
        expected = encoders or encoders_of(trained, model=folder.name)
        options, self.notes = _check(trained, expected, folder.name)
        options = replace(options, audio_track=audio_track, video_track=video_track)
        self.name = folder.name
        self.speakers = described.labels
        tensors = checkpoint.read_weights(described)
        weights = Path(weights_dir) if weights_dir else None
        pair = encoders or choose(
            known=trained, weights_dir=weights, offline=offline, progress=on_download
        )
        # The networks load while torch, which the model needs, does.
        extractor = _Loading(
            lambda: ClipExtractor(
                pair,
                options,
                device,
                threads=available_cores(),
                precision=precision,
                segmentation=segmentation.published(weights),
            )
        )
        try:
            self._model = checkpoint.load(described, device, tensors=tensors).model
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

        A clip that cannot be read, or that has neither face nor voice of a kind that the model has
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

    def _predict(self, path: str, found: Extracted, top: int) -> Prediction:
        from mraf.inference.contradiction import reconcile
        from mraf.inference.mixture import at_once, share_out
        from mraf.inference.prediction import predict

        face, voice = found.face, found.voice
        parts = voice.voices or voice.perhaps
        # The clip, its face alone, its voice alone, and each of several voices.
        rows = [(face.vector, voice.vector), (face.vector, None), (None, voice.vector)]
        rows += [(None, part.vector) for part in parts]
        posterior = predict(self._model, self._features(rows))
        by_face = Evidence(
            present=face.vector is not None,
            weight=float(posterior.face_weight[0]),
            reason=face.reason,
            problem=face.problem,
            frames=face.frames,
            **self._first(posterior.probability[1]),
        )
        by_voice = Evidence(
            present=voice.vector is not None,
            weight=float(posterior.voice_weight[0]),
            reason=voice.reason,
            problem=voice.problem,
            seconds=round(voice.seconds, 2),
            overlap=round(voice.overlap, 2),
            **self._first(posterior.probability[2]),
        )
        if np.isnan(posterior.probability[0]).any():
            error = why_nothing(by_face, by_voice, found.seconds, found.seconds_read)
            lost = _unidentified(path, error, face=by_face, voice=by_voice)
            return replace(
                lost,
                notes=(*notes.undecoded(found), *found.notes),
                seconds=found.seconds,
                seconds_read=found.seconds_read,
            )
        answer = reconcile(*posterior.probability[:3])
        several = posterior.probability[3:]
        named = [Candidate(**self._first(each)) for each in several if np.isfinite(each).all()]
        if not voice.voices and notes.different_names(named):  # the model hears several people
            voice = replace(voice, voices=voice.perhaps)
            found = replace(found, voice=voice)
        named = named if voice.voices else []
        by_voice = replace(by_voice, voices=each_voice(voice.voices, named))
        probability = answer.probability
        if not by_face.present and named:
            probability = share_out(list(several), [each.seconds for each in voice.voices])
        elif not by_face.present and voice.seconds:
            probability = at_once(probability, voice.overlap / voice.seconds)
        ranked = self._ranked(probability, max(1, top))
        disagree = (notes.disagreement(by_face, by_voice),) if answer.told else ()
        return Prediction(
            path=path,
            speaker=ranked[0].speaker,
            probability=ranked[0].probability,
            candidates=ranked,
            face=by_face,
            voice=by_voice,
            notes=(*self.notes, *notes.notes_on(found, named, disagree)),
            seconds=found.seconds,
            seconds_read=found.seconds_read,
        )

    def _ranked(self, probability: np.ndarray, top: int) -> tuple[Candidate, ...]:
        order = np.argsort(-probability, kind="stable")[:top]
        return tuple(
            Candidate(speaker=self.speakers[i], probability=float(probability[i])) for i in order
        )

    def _first(self, probability: np.ndarray) -> dict[str, Any]:
        """Return the speaker that a face or a voice alone names; nothing where it names nobody."""
        if np.isnan(probability).any():
            return {}
        i = int(probability.argmax())
        return {"speaker": self.speakers[i], "probability": float(probability[i])}

    def _features(self, rows: list[tuple[np.ndarray | None, np.ndarray | None]]) -> Features:
        """Return clips of a face and a voice each, either of which may be None."""
        config = self._model.config
        return Features(
            face=np.concatenate([_row(face, config.face_dim) for face, _ in rows]),
            face_present=np.array([face is not None for face, _ in rows]),
            voice=np.concatenate([_row(voice, config.voice_dim) for _, voice in rows]),
            voice_present=np.array([voice is not None for _, voice in rows]),
            label=np.full(len(rows), -1),
            recording=np.zeros(len(rows), np.int64),
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
    on_download: Progress | None = None,
    on_note: Callable[[str], None] | None = None,
    on_prediction: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Identify clips and pictures, and those below folders, one after another.

    A folder that cannot be listed gives a prediction without a speaker too.

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
        on_download: called with name, bytes that are there and bytes in all while weights are fetched.
        on_note: called with each note on the model, which each prediction has too.
        on_prediction: called after each clip.

    Raises UsageError where a path is not there, and the errors of `Identifier`.
    """
    named = [paths] if isinstance(paths, Path | str) else paths
    found: list[Path | Prediction] = [each for path in named for each in _files_of(Path(path))]
    predictions = []
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
        on_download=on_download,
    ) as identified:
        if on_note:
            for note in identified.notes:
                on_note(note)
        for each in found:
            predictions.append(each if isinstance(each, Prediction) else identified(each, top))
            if on_prediction:
                on_prediction(predictions[-1])
    return predictions


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


def _check(
    trained: Fingerprint, pair: EncoderPair, model: str
) -> tuple[ExtractOptions, tuple[str, ...]]:
    """Return the options of the extraction that made a model's features, and notes on their use.

    Where it is not known how the features were extracted, these are the default options.

    Raises UsageError where these encoders and this version of mraf make others.
    """
    options = ExtractOptions()
    if trained.frames is not None and trained.seconds is not None:
        options = ExtractOptions(frames=trained.frames, max_seconds=trained.seconds)
    found = options.fingerprint(pair)
    notes = check_fits(trained, found, what="the features that it would get here", model=model)
    return options, notes


def _row(vector: np.ndarray | None, dim: int) -> np.ndarray:
    return np.zeros((1, dim), np.float32) if vector is None else vector[None]
