"""POLY-SIM 2026: import of the challenge's features, and submission of answers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mraf import __version__
from mraf.data.polysim.importing import PolysimImport, import_polysim
from mraf.data.polysim.index import PolysimIndex, SplitCount, imported_versions, read_index
from mraf.data.polysim.index import statistics as count_splits
from mraf.data.polysim.submission import check_split, write_submission
from mraf.data.table.features import FeatureTable
from mraf.data.table.labels import FeatureLabels
from mraf.errors import UsageError
from mraf.fingerprint import Fingerprint
from mraf.pipeline.fingerprints import check_encoders, dims_of, fingerprint_of
from mraf.pipeline.modes import probabilities
from mraf.pipeline.training.split import to_features
from mraf.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mraf.checkpoint import Checkpoint


@dataclass(frozen=True, kw_only=True)
class SubmitReport:
    """A submission and its files."""

    model: str
    mode: str
    version: str
    split: str
    files: tuple[Path, Path]
    zip: Path
    samples: dict[str, int]  # by language
    undecided: int  # cells without face and voice, which hold the first label
    notes: tuple[str, ...]


def import_features(
    root: Path,
    version: str = "v1",
    workspace: Workspace | Path | str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PolysimImport:
    """Import a version of the challenge into the workspace's feature table; see `import_polysim`.

    Raises UsageError where the workspace holds another version, as its `id0001` is another person.
    """
    table = Workspace.at(workspace).table
    others = [name for name in imported_versions(table.folder) if name != version]
    if others:
        raise UsageError(
            f"{table.folder}: holds {others[0]} of POLY-SIM, whose speakers go by the same names as "
            f"those of {version}. Import {version} into another workspace (-w)."
        )
    return import_polysim(root, table, version, progress)


def statistics(
    workspace: Workspace | Path | str | None = None,
) -> tuple[str, list[SplitCount]]:
    """Return the imported version and the rows of the paper's Table 1; see `read_index`."""
    index = read_index(Workspace.at(workspace).table.folder)
    return index.version, count_splits(index)


def submit(
    out: Path,
    *,
    mode: str = "single",
    workspace: Workspace | Path | str | None = None,
    model: str | None = None,
    split: str = "test",
) -> SubmitReport:
    """Identify the samples of a split and write the challenge's two CSV files and their zip.

    Args:
        out: the output folder.
        mode: see `mraf.pipeline.modes`.
        workspace: with the imported features and the model.
        model: the model's name, by default the one trained last.
        split: "test" or "val".

    Raises:
        MissingError: nothing was imported, or there is no model.
        UsageError: the split was not imported, or the model does not fit it.
    """
    from mraf import checkpoint

    check_split(split)
    workspace = Workspace.at(workspace)
    index = read_index(workspace.table.folder)
    splits = [index.split(language, split) for language in index.languages[:2]]
    folder = workspace.model(model)
    loaded = checkpoint.load(folder)
    stored = workspace.table.labels()
    numbers = _checked_numbers(loaded, index, stored, workspace.table, folder.name)
    parts = [
        to_features(stored, loaded.labels, dims_of(fingerprint_of(stored)), each.positions(stored))
        for each in splits
    ]
    answers = probabilities(loaded.model, parts, mode)
    labels = {
        each.count.language: tuple(_labels(numbers, probability) for probability in pair)
        for each, pair in zip(splits, answers, strict=True)
    }
    undecided = sum(int(np.isnan(p).any(axis=1).sum()) for pair in answers for p in pair)
    made_by = {"mode": mode, "model": folder.name, "mraf": __version__}
    written = write_submission(out, index, split, labels, made_by)  # type: ignore[arg-type]
    return SubmitReport(
        model=folder.name,
        mode=mode,
        version=index.version,
        split=split,
        files=written.files,
        zip=written.zip,
        samples=dict(written.samples),
        undecided=undecided,
        notes=_notes(loaded.meta, index, undecided),
    )


def _checked_numbers(
    loaded: "Checkpoint",
    index: PolysimIndex,
    stored: FeatureLabels,
    table: FeatureTable,
    model: str,
) -> np.ndarray:
    """Return the challenge's numbers `[C]` of a model's speakers. Raises UsageError as `submit` does."""
    trained = Fingerprint.from_dict(loaded.meta.get("fingerprint"))
    what = f"the features in {table.folder}"
    check_encoders(trained, fingerprint_of(stored), what=what, model=model)
    return _numbers(index, loaded.labels, trained.polysim, model)


def _numbers(
    index: PolysimIndex, labels: tuple[str, ...], trained_on: str | None, model: str
) -> np.ndarray:
    """Return the challenge's numbers `[C]` of the speakers of a model trained on version `trained_on`."""
    if trained_on != index.version:
        raise UsageError(
            f"The model '{model}' was not trained on POLY-SIM {index.version}, and its speaker "
            f"'{labels[0]}' may be somebody else. Train a model on the imported features."
        )
    if set(labels) != set(index.labels):
        odd = sorted(set(labels) ^ set(index.labels))
        raise UsageError(
            f"The model '{model}' knows {len(labels)} speakers and POLY-SIM {index.version} has "
            f"{len(index.labels)}; '{odd[0]}' is on one side only. Import the challenge and train again."
        )
    return np.array([index.labels[name] for name in labels], np.int64)


def _labels(numbers: np.ndarray, probability: np.ndarray) -> np.ndarray:
    return numbers[np.nan_to_num(probability, nan=0.0).argmax(axis=1)]


def _notes(meta: dict[str, Any], index: PolysimIndex, undecided: int) -> tuple[str, ...]:
    """Return the remarks on a model and its answers."""
    notes = []
    if meta.get("languages") != [index.train_language]:
        trained = ", ".join(map(str, meta.get("languages", [])))
        notes.append(
            f"The model was trained on {trained}; the challenge allows {index.train_language} only "
            f"(`mraf train --language {index.train_language}`)."
        )
    if meta.get("heldout"):
        notes.append(
            f"{meta['heldout']} clips were held out of training; `mraf train` without --holdout trains "
            "on them too."
        )
    if undecided:
        notes.append(
            f"{undecided} of the answers are the first label, because there is no voice, or neither "
            "face nor voice."
        )
    return tuple(notes)
