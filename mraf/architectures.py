"""The architectures by the names under which model folders know them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mraf.errors import UsageError, choices

NAMES = ("mraf", "mraf-prototypes", "fop")


def build(arch: str, values: dict[str, Any]) -> Any:
    """An untrained network of an architecture, from the fields of its configuration.

    The caller's random state is left alone.

    Raises:
        UsageError: the architecture is unknown, a field is unknown or absent, or a value is wrong.

    """
    import torch

    network, config = _classes(arch)
    known = {each.name for each in fields(config)}
    if set(values) != known:
        odd = ", ".join(sorted(set(values) ^ known))
        raise UsageError(f"these settings of the model are unknown or absent: {odd}")
    with torch.random.fork_rng(devices=[]):
        return network(config(**values))


def _classes(arch: str) -> tuple[Any, Any]:
    """The network and its configuration."""
    if arch == "mraf":
        from mraf.network.model import MRAF, MRAFConfig

        return MRAF, MRAFConfig
    if arch == "mraf-prototypes":
        from mraf.prototypes.model import PrototypicalConfig, PrototypicalMRAF

        return PrototypicalMRAF, PrototypicalConfig
    if arch == "fop":
        from mraf.baselines import FOP, FOPConfig

        return FOP, FOPConfig
    raise UsageError(f"there is no architecture '{arch}' {choices(arch, NAMES)}")
