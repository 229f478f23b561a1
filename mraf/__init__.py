"""Identify the speaker of a video, in any language, even when no face is visible.

    import mraf

    mraf.extract("videos/")
    mraf.train()
    with mraf.Identifier() as identify:
        print(identify("clip.mp4").speaker)

Each name is imported when it is first asked for, so that `import mraf` alone takes milliseconds.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mraf.errors import BusyError, MediaError, MissingError, MrafError, UsageError
    from mraf.pipeline.evaluation import evaluate
    from mraf.pipeline.extraction.extract import extract, preview
    from mraf.pipeline.identification import Identifier, identify
    from mraf.pipeline.people.archive.cluster import cluster
    from mraf.pipeline.people.archive.find import Finder, find
    from mraf.pipeline.people.archive.naming import name
    from mraf.pipeline.people.compare import compare
    from mraf.pipeline.people.enrol import enrol
    from mraf.pipeline.people.forget import forget
    from mraf.pipeline.timeline.corrections.correct import correct
    from mraf.pipeline.timeline.run import timeline
    from mraf.pipeline.training.train import train
    from mraf.pipeline.upkeep.rename import rename
    from mraf.pipeline.workspace import Workspace

__version__ = "0.1.0"

_HOME = {
    "BusyError": "mraf.errors",
    "Finder": "mraf.pipeline.people.archive.find",
    "Identifier": "mraf.pipeline.identification",
    "MediaError": "mraf.errors",
    "MissingError": "mraf.errors",
    "MrafError": "mraf.errors",
    "UsageError": "mraf.errors",
    "Workspace": "mraf.pipeline.workspace",
    "compare": "mraf.pipeline.people.compare",
    "cluster": "mraf.pipeline.people.archive.cluster",
    "correct": "mraf.pipeline.timeline.corrections.correct",
    "enrol": "mraf.pipeline.people.enrol",
    "evaluate": "mraf.pipeline.evaluation",
    "extract": "mraf.pipeline.extraction.extract",
    "find": "mraf.pipeline.people.archive.find",
    "forget": "mraf.pipeline.people.forget",
    "identify": "mraf.pipeline.identification",
    "name": "mraf.pipeline.people.archive.naming",
    "preview": "mraf.pipeline.extraction.extract",
    "rename": "mraf.pipeline.upkeep.rename",
    "timeline": "mraf.pipeline.timeline.run",
    "train": "mraf.pipeline.training.train",
}
"""The module that defines each public name."""

__all__ = [
    "BusyError",
    "Finder",
    "Identifier",
    "MediaError",
    "MissingError",
    "MrafError",
    "UsageError",
    "Workspace",
    "__version__",
    "cluster",
    "compare",
    "correct",
    "enrol",
    "evaluate",
    "extract",
    "find",
    "forget",
    "identify",
    "name",
    "preview",
    "rename",
    "timeline",
    "train",
]


if not TYPE_CHECKING:  # to which every name would be one of the module's

    def __getattr__(name: str) -> Any:
        """Import a public name when it is first asked for."""
        if name not in _HOME:
            raise AttributeError(f"module 'mraf' has no attribute '{name}'")
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
