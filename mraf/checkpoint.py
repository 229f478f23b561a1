"""The model folder: weights as safetensors, everything else as JSON, and a model card.

`describe` reads the JSON files and does not import torch; `save` and `load` do. Nothing is ever
unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mraf.architectures import NAMES
from mraf.errors import MissingError, MrafError, UsageError
from mraf.json_text import finite, to_json

if TYPE_CHECKING:
    from mraf.inference.prediction import Model

FORMAT, VERSION = "mraf-model", 3
WEIGHTS, CONFIG, LABELS, METRICS, TRAINED, CARD = FILES = (
    "model.safetensors",
    "config.json",
    "labels.json",
    "metrics.json",
    "trained.json",
    "README.md",
)
REMEDY = "copy the model folder again, or train the model again"


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """The clips that trained a model. Their number may be large, so only `load_trained` reads them."""

    content: frozenset[str] = frozenset()  # digests of the clips' content
    recordings: frozenset[tuple[str, ...]] = frozenset()  # speaker, language and recording


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A model and the facts that its use needs."""

    model: Model
    labels: tuple[str, ...]  # [C], the speakers by class index
    meta: dict[str, Any] = field(default_factory=dict)  # fingerprint, languages, options, versions
    metrics: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Description:
    """The JSON files of a model folder."""

    folder: Path
    arch: str  # see `mraf.architectures`
    config: dict[str, Any]  # fields of its configuration
    labels: tuple[str, ...]
    meta: dict[str, Any]
    metrics: dict[str, Any]
    sha256: dict[str, str]  # of the other files


def save(folder: Path, checkpoint: Checkpoint, card: str, trained: TrainedOn = TrainedOn()) -> None:
    """Write the model folder `folder`, in place of an older one.

    The files are written into a new folder first, so that an interruption leaves the older model. In
    `metrics` null takes the place of numbers that are not finite.

    Raises:
        UsageError: labels do not fit the model, `meta` or `metrics` cannot be JSON, or there is
            something at `folder` that is no model folder.
    """
    import safetensors.torch

    _check_labels(checkpoint.labels, checkpoint.model.config.classes)
    folder = Path(folder)
    check_target(folder)
    state = checkpoint.model.state_dict()
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    contents = {
        WEIGHTS: safetensors.torch.save(tensors),
        LABELS: to_json(LABELS, list(checkpoint.labels)),
        METRICS: to_json(METRICS, finite(checkpoint.metrics)),
        TRAINED: to_json(
            TRAINED,
            {"content": sorted(trained.content), "recordings": sorted(trained.recordings)},
            indent=None,
        ),
    }
    config: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "arch": checkpoint.model.arch,
        "model": asdict(checkpoint.model.config),
        "meta": checkpoint.meta,
        "sha256": {name: _digest(content) for name, content in contents.items()},
    }
    config["checksum"] = _digest(to_json(CONFIG, config))
    contents[CONFIG] = to_json(CONFIG, config)
    contents[CARD] = card.encode()
    try:
        _replace(folder, contents)
    except OSError as error:
        raise _unwritable(folder, error) from None


def check_target(folder: Path) -> None:
    """Check that a model can be saved at `folder`, and make the folder above it.

    Raises:
        UsageError: it cannot be written, or holds something that is no model.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder.parent):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from None
    if folder.is_dir():
        strangers = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
        if strangers:
            raise UsageError(
                f"{folder}: it holds {strangers[0]!r}, which is no part of a model, and would be "
                "replaced; choose another folder"
            )
    elif folder.exists():
        raise UsageError(f"{folder}: it is not a folder; choose another name")


def model_folders(folder: Path) -> list[Path]:
    """Return the models in a folder of models, the oldest first.

    One whose replacement was cut off between its two renames counts under its own name.
    """
    found: dict[str, float] = {}
    for path in folder.glob("*/" + CONFIG):
        name = path.parent.name
        if name.startswith(".") and name.endswith(".old"):
            found.setdefault(name[1:-4], path.stat().st_mtime)
        elif not name.startswith("."):
            found[name] = path.stat().st_mtime
    return [folder / name for name in sorted(found, key=lambda name: (found[name], name))]


def load(source: Path | Description, device: str = "cpu") -> Checkpoint:
    """Read a model; it is in eval mode on `device`.

    `source` is the model folder, or what `describe` returned for it, which is not read again.

    Raises:
        MissingError: the folder or one of its files is not there.
        MrafError: a file is damaged, or is not what this version writes.
    """
    from mraf.architectures import build
    from mraf.network.loop import choose_device

    described = source if isinstance(source, Description) else describe(source)
    weights = described.folder / WEIGHTS
    try:
        model = build(described.arch, described.config)
    except UsageError as error:
        raise _damaged(described.folder / CONFIG, str(error)) from error
    tensors = _read_tensors(weights, described.sha256[WEIGHTS])
    _check_tensors(weights, tensors, model.state_dict())
    model.load_state_dict(tensors)
    model.to(choose_device(device)).eval()
    return Checkpoint(
        model=model,
        labels=described.labels,
        meta=described.meta,
        metrics=described.metrics,
    )


def load_trained(described: Description) -> TrainedOn:
    """Read which clips trained a model.

    Raises:
        MissingError: the file is not there.
        MrafError: it is damaged.
    """
    path = described.folder / TRAINED
    value = _read_json(path, dict, described.sha256[TRAINED])
    try:
        recordings = frozenset(map(tuple, value["recordings"]))
        return TrainedOn(content=frozenset(value["content"]), recordings=recordings)
    except (KeyError, TypeError) as error:
        raise _damaged(path, "it does not hold content and recordings") from error


def describe(folder: Path) -> Description:
    """Read the JSON files of a model folder, and neither the weights nor torch.

    Raises:
        MissingError: the folder or one of its JSON files is not there.
        MrafError: a JSON file is damaged, or is not what this version writes.
    """
    folder = _find(Path(folder))
    config = _read_config(folder)
    model, meta = config["model"], config["meta"]
    labels = _read_json(folder / LABELS, list, config["sha256"][LABELS])
    metrics = _read_json(folder / METRICS, dict, config["sha256"][METRICS])
    try:
        _check_labels(tuple(labels), model["classes"])
    except UsageError as error:
        raise _damaged(folder / LABELS, str(error)) from error
    return Description(
        folder=folder,
        arch=config["arch"],
        config=model,
        labels=tuple(labels),
        meta=meta,
        metrics=metrics,
        sha256=config["sha256"],
    )


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    config = _read_json(path, dict)
    if config.get("format") != FORMAT or config.get("version") != VERSION:
        found = f"format {config.get('format')!r}, version {config.get('version')!r}"
        raise _damaged(path, f"it holds {found}; {FORMAT!r}, version {VERSION} was expected")
    if config.get("arch") not in NAMES:
        known = ", ".join(NAMES)
        raise _damaged(path, f"the architecture is {config.get('arch')!r}; one of {known} is known")
    for name in ("model", "meta", "sha256"):
        if not isinstance(config.get(name), dict):
            raise _damaged(path, f"{name!r} is {config.get(name)!r}; an object was expected")
    if not isinstance(config["model"].get("classes"), int):
        raise _damaged(path, "the number of classes of the model is absent")
    for name in (WEIGHTS, LABELS, METRICS, TRAINED):
        if not isinstance(config["sha256"].get(name), str):
            raise _damaged(path, f"it holds no SHA-256 of {name}")
    checksum = config.pop("checksum", None)
    if checksum != _digest(to_json(CONFIG, config)):
        raise _damaged(path, "its contents do not match its checksum")
    return config


def _read_tensors(path: Path, expected: str) -> dict[str, Any]:
    import safetensors
    import safetensors.torch

    content = _read(path)
    if _digest(content) != expected:
        what = f"its {len(content):,} bytes have the SHA-256 {_digest(content)[:12]}..."
        raise _damaged(path, f"{what}; {expected[:12]}... was expected")
    try:
        return safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise _damaged(path, f"it is no safetensors file ({error})") from error


def _check_tensors(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    if set(found) != set(wanted):
        odd = ", ".join(sorted(set(found) ^ set(wanted)))
        raise _damaged(path, f"these tensors are unknown or absent: {odd}")
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape or found[name].dtype != tensor.dtype:
            have = f"{found[name].dtype} {list(found[name].shape)}"
            want = f"{tensor.dtype} {list(tensor.shape)}"
            raise _damaged(path, f"{name} is {have}; {want} was expected")


def _check_labels(labels: tuple[Any, ...], classes: object) -> None:
    if len(labels) != classes:
        raise UsageError(f"there are {len(labels)} speakers for a model of {classes}")
    odd = [label for label in labels if not isinstance(label, str)]
    if odd:
        raise UsageError(f"the speaker {odd[0]!r} is not a piece of text")
    if len(set(labels)) < len(labels):
        raise UsageError("two speakers have the same name")


def _read_json(path: Path, kind: type, digest: str | None = None) -> Any:
    content = _read(path)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is no JSON ({error})") from error
    if not isinstance(value, kind):
        raise _damaged(path, f"it holds a {type(value).__name__}; a {kind.__name__} was expected")
    if digest is not None and _digest(content) != digest:
        raise _damaged(path, f"its contents do not match the SHA-256 in {CONFIG}")
    return value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"{path}: the model lacks this file; {REMEDY}") from error
    except OSError as error:
        raise MrafError(f"{path}: it cannot be read ({error.strerror}); {REMEDY}") from error


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _damaged(path: Path, found: str) -> MrafError:
    return MrafError(f"{path}: {found}; {REMEDY}")


def _find(folder: Path) -> Path:
    """Return the folder, or the older model where a `save` was cut off between its two renames."""
    for path in (folder, _backup(folder)):
        if path.is_dir():
            return path
    raise MissingError(f"{folder}: there is no model here; `mraf train` makes one")


def _backup(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _unwritable(folder: Path, error: OSError) -> UsageError:
    reason = error.strerror or error
    return UsageError(f"{folder}: the model cannot be written ({reason}); choose another workspace")


def _replace(folder: Path, contents: dict[str, bytes]) -> None:
    # Not by tempfile, whose folders are closed to others: mkdir heeds the umask.
    temporary = folder.with_name(f".{folder.name}.new-{uuid.uuid4().hex[:8]}")
    temporary.mkdir()
    try:
        for name, content in contents.items():
            _write(temporary / name, content)
        _swap(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, folder: Path, rename: Callable[[Path, Path], None] = os.rename) -> None:
    backup = _backup(folder)
    if folder.exists():
        shutil.rmtree(backup, ignore_errors=True)
        rename(folder, backup)
    try:
        rename(new, folder)
    except BaseException:
        if backup.exists():
            rename(backup, folder)
        raise
    shutil.rmtree(backup, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
