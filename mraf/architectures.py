"""The architectures by the names under which model folders know them."""

from __future__ import annotations

from dataclasses import fields
from importlib import import_module
from typing import Any

from mraf.errors import UsageError, choices

_CLASSES = {
    # Module, network, configuration; imported when built, since they import torch.
    "mraf": ("mraf.network.model", "MRAF", "MRAFConfig"),
    "mraf-prototypes": ("mraf.prototypes.model", "PrototypicalMRAF", "PrototypicalConfig"),
    "fop": ("mraf.baselines", "FOP", "FOPConfig"),
}
NAMES = tuple(_CLASSES)


def build(arch: str, values: dict[str, Any]) -> Any:
    """Return an untrained network of an architecture, from all fields of its configuration.

    The caller's random state is left alone.

    Raises:
        UsageError: the architecture is unknown, a field is unknown or absent, or a value is wrong.

    """
    import torch

    if arch not in _CLASSES:
        raise UsageError(f"there is no architecture '{arch}' {choices(arch, NAMES)}")
    module, *names = _CLASSES[arch]
    network, config = (getattr(import_module(module), name) for name in names)
    known = {each.name for each in fields(config)}
    if set(values) != known:
        odd = ", ".join(sorted(set(values) ^ known))
        raise UsageError(f"these settings of the model are unknown or absent: {odd}")
    with torch.random.fork_rng(devices=[]):
        return network(config(**values))
