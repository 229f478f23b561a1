"""Identify: who is speaking in a clip."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import clip_files
from mraf.data.clips.listing import AUDIO_SUFFIXES
from mraf.data.clips.names import as_text
from mraf.errors import MediaError, UsageError
from mraf.extractors.encoders import EncoderPair, choose
from mraf.extractors.extractor import ClipExtractor, ExtractOptions
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoiceResult
from mraf.pipeline.evaluation import check_encoders
from mraf.pipeline.extraction.processes import available_cores
from mraf.pipeline.workspace import Workspace
from mraf.types import Features

IMAGE_SUFFIXES = frozenset(".bmp .jpeg .jpg .png .tif .tiff .webp".split())


@dataclass(frozen=True)
class Candidate:
    """A speaker and the probability that it is them."""

    speaker: str
    probability: float


@dataclass(frozen=True)
class Evidence:
    """What a face or a voice gave. `weight` is its share in the fusion (eq. 11), 0 where missing."""

    present: bool
    weight: float = 0.0
    reason: str | None = None  # why it is missing
    frames: int | None = None  # of a face: frames in which it was found
    seconds: float | None = None  # of a voice: speech heard


@dataclass(frozen=True)
class Prediction:
    """Who speaks in a clip. `speaker` is None where there is nothing to identify: see `error`."""

    path: str
    speaker: str | None
    probability: float | None
    candidates: tuple[Candidate, ...] = ()
    face: Evidence = field(default_factory=lambda: Evidence(False))
    voice: Evidence = field(default_factory=lambda: Evidence(False))
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As `mraf identify --json` prints it."""
        shown = asdict(self)
        del shown["face"]["seconds"], shown["voice"]["frames"]
        return shown


class Identifier:
    """A trained model and its encoders, loaded once; call it with one clip after the other.

    Args:
        workspace: the folder with the model, by default `./mraf-workspace`.
        model: its name, by default the one trained last.
        encoders: in place of those found for the model's record of its encoders.
        weights_dir: a folder that may hold the encoders' published weights.
        offline: never use the network.
        device: "auto", "cpu" or "cuda".

    Raises:
        MissingError: there is no model, or weights of its encoders are not there.
        UsageError: `encoders` are not those of the model.
    """

    def __init__(
        self,
        workspace: Workspace | Path | str | None = None,
        model: str | None = None,
        encoders: EncoderPair | None = None,
        weights_dir: Path | None = None,
        offline: bool = False,
        device: str = "auto",
    ) -> None:
        from mraf import checkpoint
        from mraf.network.loop import choose_device

        device = str(choose_device(device))
        folder = Workspace.at(workspace).model(model)
        described = checkpoint.describe(folder)
        made_with = str(described.meta.get("encoders", ""))
        pair = encoders or choose(known=made_with, weights_dir=weights_dir, offline=offline)
        check_encoders(described.meta, pair.identity, "the encoders at hand", folder.name)
        self.name = folder.name
        self.speakers = described.labels
        with ThreadPoolExecutor(1) as pool:  # reading one model takes as long as the other
            model_ = pool.submit(checkpoint.load, folder, device)
            options = _options_of(described.meta)
            self._extractor = ClipExtractor(pair, options, device, threads=available_cores())
            self._model = model_.result().model

    def __call__(self, clip: Path | str | Clip, top: int = 5) -> Prediction:
        """Who speaks in a video, a sound file, a picture, or a `Clip`; with the `top` candidates.

        A clip that cannot be read, or in which there is neither face nor voice, gives a prediction
        without a speaker, whose `error` says why.
        """
        path = str(clip.files[0] if isinstance(clip, Clip) else clip)
        each = clip if isinstance(clip, Clip) else _clip_of(Path(clip))
        try:
            face, voice = self._extractor(each.video, each.audio, each.image)
        except MediaError as error:
            return _lost(path, str(error))
        return self._predict(path, face, voice, top)

    def _predict(self, path: str, face: FaceResult, voice: VoiceResult, top: int) -> Prediction:
        from mraf.prediction import predict

        posterior = predict(self._model, self._features(face, voice))
        seen = Evidence(
            face.vector is not None,
            float(posterior.face_weight[0]),
            face.reason,
            frames=face.frames,
        )
        heard = Evidence(
            voice.vector is not None,
            float(posterior.voice_weight[0]),
            voice.reason,
            seconds=round(voice.seconds, 2),
        )
        if not (seen.present or heard.present):
            error = f"nothing to identify: no face ({face.reason}) and no voice ({voice.reason})"
            return Prediction(path, None, None, (), seen, heard, error)
        order = np.argsort(-posterior.probability[0], kind="stable")[: max(1, top)]
        ranked = tuple(
            Candidate(self.speakers[i], float(posterior.probability[0, i])) for i in order
        )
        return Prediction(path, ranked[0].speaker, ranked[0].probability, ranked, seen, heard)

    def _features(self, face: FaceResult, voice: VoiceResult) -> Features:
        config = self._model.config
        return Features(
            face=_row(face.vector, config.face_dim),
            face_present=np.array([face.vector is not None]),
            voice=_row(voice.vector, config.voice_dim),
            voice_present=np.array([voice.vector is not None]),
            label=np.array([-1]),
            recording=np.array([0]),
        )


def identify(
    paths: Sequence[Path],
    identifier: Callable[[], Identifier],
    top: int = 5,
    on_prediction: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Identify clips, and the clips below folders, one after the other.

    Args:
        paths: files and folders; looked at before the models are loaded.
        identifier: makes the `Identifier`.
        top: candidates a clip.
        on_prediction: called after each clip.

    A folder that cannot be listed gives a prediction without a speaker too. Raises UsageError for a
    path that is not there, and what `Identifier` raises.
    """
    found: list[Path | Prediction] = [each for path in paths for each in _files_of(path)]
    who = identifier()
    predictions = []
    for each in found:
        predictions.append(each if isinstance(each, Prediction) else who(each, top))
        if on_prediction:
            on_prediction(predictions[-1])
    return predictions


def _files_of(path: Path) -> list[Path | Prediction]:
    """The clips at and below a path, and what is said of folders that cannot be listed."""
    files, unreadable = clip_files(path)
    closed = [
        _lost(folder, f"this folder cannot be listed ({reason})")
        for folder, reason in unreadable.items()
    ]
    is_itself = files == [path.absolute()]  # shown as it was named
    return [*([path] if is_itself else files), *closed]


def _lost(path: str, error: str) -> Prediction:
    lost = Evidence(False, reason="decode_error")
    return Prediction(path, None, None, (), lost, lost, error)


def _clip_of(path: Path) -> Clip:
    suffix, name = path.suffix.lower(), as_text(path)
    if suffix in IMAGE_SUFFIXES:
        return Clip(name, image=path)
    return Clip(name, audio=path) if suffix in AUDIO_SUFFIXES else Clip(name, video=path)


def _options_of(meta: dict) -> ExtractOptions:
    """The options of the extraction that the model was trained on."""
    made = str((meta.get("extractor") or [""])[0])
    parts = dict(part.split("=", 1) for part in made.split() if "=" in part)
    try:
        return ExtractOptions(int(parts["frames"]), float(parts["seconds"]))
    except (KeyError, ValueError):
        raise UsageError(
            f"The model does not say how its clips were extracted ('{made}')."
        ) from None


def _row(vector: np.ndarray | None, dim: int) -> np.ndarray:
    return np.zeros((1, dim), np.float32) if vector is None else vector[None]
