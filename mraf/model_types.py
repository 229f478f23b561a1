"""The model types: what can be trained, its presets, and how a saved model is built again.

This is the only list. The command line, the model card and `config.json` use its names. Classes are
named by module and imported when they are needed, since networks import torch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib import import_module
from typing import Any, TypeVar

from mraf.errors import UsageError, choices

Options = TypeVar("Options")
"""The options of any model type, a frozen dataclass; `mraf.fit.Options` lists them."""


@dataclass(frozen=True, kw_only=True)
class ModelType:
    """One kind of model."""

    title: str  # for people
    presets: Mapping[str, str]  # name -> "module:class" or "module:class.method" of its options
    # Network and configuration as "module:class", by the field `classifier` of the configuration, which
    # only model types of several networks have; "" elsewhere.
    networks: Mapping[str, tuple[str, str]]


MODEL_TYPES: Mapping[str, ModelType] = {
    "prototypes": ModelType(
        title="Prototypes: cosines of face and voice to each speaker's mean, fused by their evidence",
        presets={
            "default": "mraf.prototypes.options:PrototypeOptions",
            "cosine": "mraf.prototypes.options:PrototypeOptions.cosine",
        },
        networks={
            "": ("mraf.prototypes.model:PrototypeModel", "mraf.prototypes.options:PrototypeConfig")
        },
    ),
    "mraf": ModelType(
        title="MRAF: missing-token prompted, reliability-aware fusion of face and voice",
        presets={
            "default": "mraf.episodic.options:EpisodicOptions",
            "paper": "mraf.network.options:TrainOptions",
            "authors": "mraf.network.options:TrainOptions.authors",
        },
        networks={
            "linear": ("mraf.network.model:MRAF", "mraf.network.options:MRAFConfig"),
            "prototypes": (
                "mraf.episodic.model:EpisodicMRAF",
                "mraf.episodic.options:EpisodicConfig",
            ),
        },
    ),
    "fop": ModelType(
        title="FOP, the baseline of POLY-SIM 2026: two branches, one head",
        presets={"default": "mraf.fop.options:FOPOptions"},
        networks={"": ("mraf.fop.model:FOP", "mraf.fop.options:FOPConfig")},
    ),
}
DEFAULT = "prototypes"

PRESETS = tuple(dict.fromkeys(name for each in MODEL_TYPES.values() for name in each.presets))
"""The names of all presets."""

SET_BY_EVERY_RUN = ("seed", "device", "threads")
"""The options that are not part of a preset."""


def options_of(model_type: str = DEFAULT, preset: str = "default") -> Any:
    """Return the training options of a preset. Raises UsageError with the choices."""
    presets = _find(model_type).presets
    if preset not in presets:
        elsewhere = [name for name, each in MODEL_TYPES.items() if preset in each.presets]
        hint = f" {choices(preset, presets)}"
        if elsewhere:
            hint = f": it is one of --model-type {elsewhere[0]}."
        raise UsageError(f"The model type '{model_type}' has no preset '{preset}'{hint}")
    return _load(presets[preset])()


def type_of(options: Any) -> str:
    """Return the model type that is trained with some options."""
    names = {f"{each.__module__}:{each.__qualname__}" for each in type(options).__mro__}
    for model_type, each in MODEL_TYPES.items():
        # "module:class.method" without the method that makes the preset.
        if names & {re.sub(r"(:\w+)\.\w+$", r"\1", preset) for preset in each.presets.values()}:
            return model_type
    raise UsageError(f"{type(options).__name__}: no model type is trained with these options.")


def title_of(model_type: str, preset: str) -> str:
    """Return a name for a model of a preset: `mraf`, or `mraf-paper`."""
    return model_type if preset == "default" else f"{model_type}-{preset}"


def with_epochs(options: Options, epochs: int) -> Options:
    """Return the options of a network, to train for at most `epochs` passes over the clips."""
    limits: dict[str, Any] = {"epochs": epochs}
    if hasattr(options, "steps"):  # in place of a number of steps
        limits["steps"] = None
    if hasattr(options, "unwatched_epochs"):
        limits["unwatched_epochs"] = epochs
    return replace(options, **limits)  # type: ignore[type-var]


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return the options with some of them changed.

    Raises UsageError for a wrong name or type, and for an option that every run sets itself.
    """
    declared = [each.name for each in fields(options)]  # type: ignore[arg-type]
    known = [name for name in declared if name not in SET_BY_EVERY_RUN]
    for name in changes:
        if name not in known:
            raise UsageError(f"training: there is no option '{name}' {choices(name, known)}")
    if "epochs" in changes and "steps" in known:  # one of the two is set
        changes = {"steps": None, **changes}
    return replace(options, **changes)  # type: ignore[type-var]


def build(model_type: str, values: dict[str, Any]) -> Any:
    """Return an untrained model; the caller's random state is left alone.

    Args:
        model_type: one of `MODEL_TYPES`.
        values: the fields of its configuration.

    Raises:
        UsageError: the type or a field of its configuration is unknown or wrong.
    """
    import torch

    networks = _find(model_type).networks
    classifier = values.get("classifier", "")
    if classifier not in networks:
        raise UsageError(f"The model type '{model_type}' has no classifier '{classifier}'")
    network, config = map(_load, networks[classifier])
    with torch.random.fork_rng(devices=[]):
        return network(config(**values))


def _find(model_type: str) -> ModelType:
    if model_type not in MODEL_TYPES:
        raise UsageError(
            f"There is no model type '{model_type}' {choices(model_type, MODEL_TYPES)}"
        )
    return MODEL_TYPES[model_type]


def _load(name: str) -> Any:
    module, _, path = name.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found
