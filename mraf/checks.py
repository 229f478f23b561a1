"""Checks of the prototypes' configuration. This module does not import torch."""

from __future__ import annotations

from mraf.errors import UsageError


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `choices`."""
    if value not in choices:
        raise UsageError(f"model: {name} is {value!r}; one of {', '.join(choices)} was expected")


def check_flag(name: str, value: object) -> None:
    """Raise UsageError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise UsageError(f"model: {name} is {value!r}; true or false was expected")
