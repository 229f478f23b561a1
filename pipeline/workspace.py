"""The workspace: the folder of features, models and reports."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from mraf.data.table.features import FeatureTable
from mraf.data.table.renames import Renames
from mraf.errors import MissingError, UsageError, choices

DEFAULT = "mraf-workspace"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Workspace:
    """A workspace. Its folder appears with the first file that is written."""

    root: Path

    def __post_init__(self) -> None:
        """Take a path in text for what it is."""
        object.__setattr__(self, "root", Path(self.root))

    @classmethod
    def at(cls, folder: "Path | str | Workspace | None" = None) -> "Workspace":
        """Return the workspace at `folder`, else at MRAF_WORKSPACE, else at `./mraf-workspace`."""
        if isinstance(folder, Workspace):
            return folder
        return cls(Path(folder or os.environ.get("MRAF_WORKSPACE") or DEFAULT))

    @property
    def table(self) -> FeatureTable:
        """The feature table."""
        return FeatureTable(self.root / "features")

    @property
    def renames(self) -> Renames:
        """The names that speakers were given by `mraf rename`. Raises MrafError where damaged."""
        return Renames.at(self.root / "renames.json")

    @property
    def models(self) -> Path:
        """The folder of model folders."""
        return self.root / "models"

    @property
    def reports(self) -> Path:
        """The folder of evaluation reports."""
        return self.root / "reports"

    def new_model(self, name: str) -> Path:
        """Return the folder of a new model. Raises UsageError where the name cannot name a folder."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"'{name}' cannot name a model: use letters, digits, '.', '_' and '-', at most 64."
            )
        return self.models / name

    def model(self, name: str | None = None) -> Path:
        """Return the folder of a model: by its name or path, or that of the one trained last.

        Raises MissingError where it is not there.
        """
        from mraf.checkpoint import model_folders

        found = model_folders(self.models)  # oldest first
        names = [folder.name for folder in found]
        if name is None and found:
            return found[-1]
        if name in names:
            return self.models / str(name)
        if name is not None and Path(name).joinpath("config.json").is_file():
            return Path(name)
        if not names:
            where = f" called '{name}'" if name else ""
            raise MissingError(
                f"{self.models}: no model{where} here yet. Run `mraf extract VIDEOS` and `mraf train` "
                "first, or `mraf enrol NAME CLIP...` (or choose the workspace that has one with -w)."
            )
        raise MissingError(f"{self.models}: no model '{name}' {choices(str(name), names)}")


def write_text(file: Path, text: str) -> None:
    """Write a file, which appears whole or not at all, and its folder. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_text(text, "utf-8", newline="")
    temporary.replace(file)
