"""Presets: the ways to train MRAF and the architectures that it is compared with."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

from mraf.errors import UsageError, choices
from mraf.fop.options import FOPOptions
from mraf.network.options import TrainOptions
from mraf.prototypes.options import PrototypicalOptions

Options = TrainOptions | FOPOptions | PrototypicalOptions

PRESETS: dict[str, Callable[[], Options]] = {
    "default": PrototypicalOptions,
    "paper": TrainOptions,
}
"""Options of MRAF: with prototype heads, or as in the paper."""

BASELINES: dict[str, Callable[[], Options]] = {
    "fop": FOPOptions,
    "prototype": PrototypicalOptions.plain,
}
"""Options of the architectures that MRAF is compared with: the challenge's baseline, cosine to prototypes."""

ARCHITECTURES = ("mraf", *BASELINES)


def options_of(arch: str, preset: str = "default") -> Options:
    """Return the options of an architecture, of "mraf" by a preset. Raises UsageError with the choices."""
    if arch not in ARCHITECTURES:
        raise UsageError(f"There is no architecture '{arch}' {choices(arch, ARCHITECTURES)}")
    if preset not in PRESETS:
        raise UsageError(f"There is no preset '{preset}' {choices(preset, PRESETS)}")
    if arch != "mraf" and preset != "default":
        raise UsageError(
            f"The preset '{preset}' is one of the architecture 'mraf', not of '{arch}'."
        )
    return (PRESETS[preset] if arch == "mraf" else BASELINES[arch])()


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return the options with some of them changed.

    Raises UsageError for a wrong name or type, and for an option that every run sets itself.
    """
    known = {each.name: getattr(options, each.name) for each in fields(options)}
    for name in ("seed", "device", "threads"):
        known.pop(name, None)
    for name in changes:
        if name not in known:
            raise UsageError(f"training: there is no option '{name}' {choices(name, known)}")
    if "epochs" in changes and isinstance(options, TrainOptions):
        changes = {"steps": None, **changes}  # one of the two is set
    return replace(options, **changes)
