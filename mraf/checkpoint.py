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
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mraf.errors import MissingError, MrafError, UsageError
from mraf.json_text import finite, to_json

if TYPE_CHECKING:
    from mraf.inference.prediction import Model

FORMAT, VERSION = "mraf-model", 5
WEIGHTS, CONFIG, LABELS, METRICS, TRAINED, CARD = FILES = (
    "model.safetensors",
    "config.json",
    "labels.json",
    "metrics.json",
    "trained.json",
    "README.md",
)
REMEDY = "copy the model folder again, or train the model again"


Answer = tuple[tuple[int, ...], tuple[float, ...]]
"""Speakers (by class index, -1 for none) and probabilities, by face and voice, by voice, by face."""


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """The clips that trained a model. Their number may be large, so only `load_trained` reads them."""

    content: frozenset[str] = frozenset()  # digests of the clips' content
    recordings: frozenset[tuple[str, ...]] = frozenset()  # speaker, language and recording
    # By digest, the answers of models that had not trained on the clip's recording.
    out_of_fold: Mapping[str, Answer] = field(default_factory=dict)


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
    model_type: str  # see `mraf.model_types`
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

    labels, classes = checkpoint.labels, checkpoint.model.config.classes
    if len(set(labels)) != classes or len(labels) != classes:
        raise UsageError(
            f"{len(labels)} speakers, {len(set(labels))} names: {classes} were expected"
        )
    folder = Path(folder)
    check_target(folder)
    state = checkpoint.model.state_dict()
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    described = Description(
        folder=folder,
        model_type=checkpoint.model.model_type,
        config=asdict(checkpoint.model.config),
        labels=labels,
        meta=checkpoint.meta,
        metrics=checkpoint.metrics,
        sha256={},
    )
    write(described, safetensors.torch.save(tensors), trained, card)


def write(described: Description, weights: bytes, trained: TrainedOn, card: str) -> None:
    """Write a model folder, as `save` does, of files that are read or made already.

    The digests of `described` are made anew. Raises UsageError where it cannot be written.
    """
    contents = {
        WEIGHTS: weights,
        LABELS: to_json(LABELS, list(described.labels)),
        METRICS: to_json(METRICS, finite(described.metrics)),
        TRAINED: to_json(
            TRAINED,
            {
                "content": sorted(trained.content),
                "recordings": sorted(trained.recordings),
                "out_of_fold": dict(trained.out_of_fold),
            },
            indent=None,
        ),
    }
    config: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "model_type": described.model_type,
        "model": described.config,
        "meta": described.meta,
        "sha256": {name: _digest(content) for name, content in contents.items()},
    }
    config["checksum"] = _digest(to_json(CONFIG, config))
    contents[CONFIG] = to_json(CONFIG, config)
    contents[CARD] = card.encode()
    try:
        _replace(described.folder, contents)
    except OSError as error:
        raise _unwritable(described.folder, error) from None


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

    A model whose replacement was killed between its two renames counts under its own name.
    """
    found: dict[str, float] = {}
    for path in folder.glob("*/" + CONFIG):
        name = path.parent.name
        if name.startswith(".") and name.endswith(".old"):
            found.setdefault(name[1:-4], path.stat().st_mtime)
        elif not name.startswith("."):
            found[name] = path.stat().st_mtime
    return [folder / name for name in sorted(found, key=lambda name: (found[name], name))]


def load(
    source: Path | Description, device: str = "cpu", *, tensors: bytes | None = None
) -> Checkpoint:
    """Read a model; it is in eval mode on `device`.

    `source` is the model folder, or what `describe` returned for it, which is not read again; nor is
    the file of weights where `tensors` is what `read_weights` returned.

    Raises:
        MissingError: the folder or one of its files is not there.
        MrafError: a file is damaged, or another version of mraf wrote it.
    """
    import safetensors
    import safetensors.torch

    from mraf.device import choose_device
    from mraf.model_types import build

    described = source if isinstance(source, Description) else describe(source)
    weights = described.folder / WEIGHTS
    try:
        model = build(described.model_type, described.config)
    except UsageError as error:
        raise _damaged(described.folder / CONFIG, str(error)) from error
    try:
        model.load_state_dict(safetensors.torch.load(tensors or read_weights(described)))
    except (safetensors.SafetensorError, RuntimeError) as error:
        raise _damaged(
            weights, f"not this model's tensors: {' '.join(str(error).split())}"
        ) from error
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
    value = _read_json(described.folder / TRAINED, described.sha256[TRAINED])
    answers = value["out_of_fold"].items()
    return TrainedOn(
        content=frozenset(value["content"]),
        recordings=frozenset(map(tuple, value["recordings"])),
        out_of_fold={digest: (tuple(who), tuple(p)) for digest, (who, p) in answers},
    )


def describe(folder: Path) -> Description:
    """Read the JSON files of a model folder, and neither the weights nor torch.

    Raises:
        MissingError: the folder or one of its JSON files is not there.
        MrafError: a JSON file is damaged, or another version of mraf wrote it.
    """
    folder = _find(Path(folder))
    config = _read_config(folder / CONFIG)
    return Description(
        folder=folder,
        model_type=config["model_type"],
        config=config["model"],
        labels=tuple(_read_json(folder / LABELS, config["sha256"][LABELS])),
        meta=config["meta"],
        metrics=_read_json(folder / METRICS, config["sha256"][METRICS]),
        sha256=config["sha256"],
    )


def read_weights(described: Description) -> bytes:
    """Return the content of the file of weights, for `load`, without importing torch.

    Raises MissingError, MrafError: the file is not there, or not the one that was saved.
    """
    return _read(described.folder / WEIGHTS, described.sha256[WEIGHTS])


def _read_config(path: Path) -> dict[str, Any]:
    """Read `config.json`, whose checksum vouches for its fields, as its digests do for other files."""
    config = _read_json(path)
    if not isinstance(config, dict):
        raise _damaged(path, f"it holds a {type(config).__name__}; an object was expected")
    version = config.get("version")
    if config.get("format") != FORMAT or type(version) is not int:  # True is no version
        found = f"format {config.get('format')!r}, version {version!r}"
        raise _damaged(path, f"it holds {found}; {FORMAT!r}, version {VERSION} was expected")
    if version != VERSION:
        raise _of_another_version(path, version)
    if config.pop("checksum", None) != _digest(to_json(CONFIG, config)):
        raise _damaged(path, "its contents do not match its checksum")
    return config


def _read_json(path: Path, digest: str | None = None) -> Any:
    try:
        return json.loads(_read(path, digest))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"it is no JSON ({error})") from error


def _read(path: Path, digest: str | None = None) -> bytes:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise MissingError(f"{path}: the model lacks this file; {REMEDY}") from error
    except OSError as error:
        raise MrafError(f"{path}: it cannot be read ({error.strerror}); {REMEDY}") from error
    if digest not in (None, _digest(content)):
        raise _damaged(path, f"its {len(content):,} bytes do not match the SHA-256 in {CONFIG}")
    return content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _damaged(path: Path, found: str) -> MrafError:
    return MrafError(f"{path}: {found}; {REMEDY}")


def _of_another_version(path: Path, version: int) -> MrafError:
    """Return the error for a whole model of another version; to copy it again would not help."""
    writer, remedy = "an earlier", "train the model again"
    if version > VERSION:
        writer, remedy = "a later", "upgrade mraf"
    return MrafError(
        f"{path}: it was written by {writer} version of mraf "
        f"(model version {version}; this one reads {VERSION}): {remedy}"
    )


def _unwritable(folder: Path, error: OSError) -> UsageError:
    reason = error.strerror or error
    return UsageError(f"{folder}: the model cannot be written ({reason}); choose another workspace")


def _find(folder: Path) -> Path:
    """Return the folder, or the older model where a `save` was killed between its two renames."""
    for path in (folder, _backup(folder)):
        if path.is_dir():
            return path
    raise MissingError(f"{folder}: there is no model here; `mraf train` makes one")


def _backup(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _replace(folder: Path, contents: dict[str, bytes]) -> None:
    backup = _backup(folder)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as temporary:
        new = Path(temporary, "new")
        new.mkdir()  # heeds the umask, while a temporary folder is closed to others
        for name, content in contents.items():
            with (new / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        if folder.exists():
            shutil.rmtree(backup, ignore_errors=True)
            folder.rename(backup)
        try:
            new.rename(folder)
        except BaseException:
            if backup.exists():
                backup.rename(folder)
            raise
    shutil.rmtree(backup, ignore_errors=True)
