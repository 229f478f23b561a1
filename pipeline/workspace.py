"""The folder that holds what mraf makes: features, models, reports."""

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from data.features import FeatureTable
from mraf.errors import MissingError, UsageError

DEFAULT = "mraf-workspace"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Workspace:
    """A workspace; nothing is made on disk before something is written."""

    root: Path

    @classmethod
    def at(cls, folder: "Path | str | Workspace | None" = None) -> "Workspace":
        """The workspace named, else the one MRAF_WORKSPACE names, else `./mraf-workspace`."""
        if isinstance(folder, Workspace):
            return folder
        return cls(Path(folder or os.environ.get("MRAF_WORKSPACE") or DEFAULT))

    @property
    def table(self) -> FeatureTable:
        """The feature table."""
        return FeatureTable(self.root / "features")

    @property
    def models(self) -> Path:
        """The folder of model folders."""
        return self.root / "models"

    @property
    def reports(self) -> Path:
        """The folder of evaluation reports."""
        return self.root / "reports"

    def new_model(self, name: str) -> Path:
        """Where a model of this name goes. Raises UsageError where it cannot be a folder's name."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"'{name}' cannot name a model: use letters, digits, '.', '_' and '-', at most 64."
            )
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"{self.root}: the workspace is a file; name a folder with -w.")
        return self.models / name

    def model(self, name: str | None = None) -> Path:
        """The folder of a model; without a name, of the one trained last.

        Raises MissingError where it is not there.
        """
        found = sorted(self.models.glob("*/config.json"), key=lambda path: path.stat().st_mtime)
        if name is not None and Path(name).joinpath("config.json").is_file():
            return Path(name)
        if name is None and found:
            return found[-1].parent
        names = [path.parent.name for path in found]
        if name is not None and name in names:
            return self.models / name
        if not names:
            where = f" called '{name}'" if name else ""
            raise MissingError(
                f"{self.models}: no model{where} here yet. Run `mraf extract VIDEOS` and `mraf train` "
                "first (or choose the workspace that has one with -w)."
            )
        near = difflib.get_close_matches(str(name), names, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise MissingError(
            f"{self.models}: no model '{name}' (there are: {', '.join(names)}).{hint}"
        )


def encoders_of(extractor: str) -> str:
    """The part of an extractor's fingerprint that says which encoders made the vectors."""
    return " ".join(part for part in extractor.split() if part.startswith(("face=", "voice=")))
