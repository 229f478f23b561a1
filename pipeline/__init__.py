"""The stages: one module and one public function for each command of the same name.

From Python:

    from mraf.pipeline import Identifier

    identify = Identifier("mraf-workspace")
    print(identify("clip.mp4").speaker)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mraf.pipeline.identification import Identifier
    from mraf.pipeline.workspace import Workspace

__all__ = ["Identifier", "Workspace"]


def __getattr__(name: str) -> Any:
    """Import a class when it is first asked for: `import mraf.pipeline.workspace` stays quick."""
    if name not in __all__:
        raise AttributeError(f"module 'pipeline' has no attribute '{name}'")
    from importlib import import_module

    return getattr(
        import_module(f"mraf.pipeline.{name.lower().replace('identifier', 'identification')}"), name
    )
