"""People who come to an identifier in use, and who leave it."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mraf.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mraf.extractors.extractor import ClipExtractor
    from mraf.pipeline.people.enrol import EnrolReport
    from mraf.pipeline.people.forget import ForgetReport


class Members:
    """The part of `mraf.Identifier` that changes whom it knows: at once, and in the model folder."""

    workspace: Workspace
    folder: Path
    speakers: tuple[str, ...]
    _model: Any
    _extractor: "ClipExtractor"

    def enrol(
        self,
        name: str,
        clips: Iterable[Path | str] | Path | str,
        *,
        start: float | str | None = None,
        end: float | str | None = None,
        yes: bool = False,
    ) -> "EnrolReport":
        """Add a person to the model, or more clips to one whom it knows.

        Arguments and errors are those of `mraf.enrol`.
        """
        from mraf.pipeline.people.enrol import enrol

        report = enrol(
            name,
            clips,
            workspace=self.workspace,
            model=self._name,
            start=start,
            end=end,
            yes=yes,
            encoders=self._extractor.pair,
            extractor=self._extractor,
        )
        self.reload()
        return report

    def forget(self, name: str) -> "ForgetReport":
        """Remove a person from this model, the workspace's models and table, see `mraf.forget`.

        Raises UsageError where nobody has that name, or the model knows nobody else.
        """
        from mraf.data.table.renames import plain
        from mraf.errors import UsageError
        from mraf.pipeline.people.forget import forget

        if [plain(each) for each in self.speakers] == [plain(name)]:
            raise UsageError(f"'{name}' is the only person that this model knows: use mraf.forget.")
        inside = self.folder.parent.resolve() == self.workspace.models.resolve()
        report = forget(name, self.workspace, beside=() if inside else (self.folder,))
        self.reload()
        return report

    def reload(self) -> None:
        """Read the model folder again, as another process may have changed it. Raises what the making does."""
        from mraf import checkpoint

        described = checkpoint.describe(self.folder)
        device = str(next(self._model.buffers()).device)
        self._model = checkpoint.load(described, device).model
        self.speakers = described.labels

    @property
    def _name(self) -> str:
        """Name of the model, or its path where it lies elsewhere."""
        inside = self.folder.parent == self.workspace.models
        return self.folder.name if inside else str(self.folder)
