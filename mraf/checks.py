"""Checks that the configurations of networks share. This module does not import torch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mraf.errors import UsageError


def check_shape(config: Any, counts: Iterable[str]) -> None:
    """Raise UsageError unless `counts` are whole from 1, `classes` from 2, `dropout` in [0, 1)."""
    for name in counts:
        _check_count(name, getattr(config, name), 1)
    _check_count("classes", config.classes, 2)
    dropout = config.dropout
    if isinstance(dropout, bool) or not isinstance(dropout, int | float):
        raise UsageError(f"model: dropout is {dropout!r}; a number was expected")
    if not 0 <= dropout < 1:
        raise UsageError(f"model: dropout is {dropout}; 0 to below 1 was expected")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raise UsageError unless `value` is one of `choices`."""
    if value not in choices:
        raise UsageError(f"model: {name} is {value!r}; one of {', '.join(choices)} was expected")


def check_flag(name: str, value: object) -> None:
    """Raise UsageError unless `value` is True or False."""
    if not isinstance(value, bool):
        raise UsageError(f"model: {name} is {value!r}; true or false was expected")


def _check_count(name: str, value: object, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"model: {name} is {value!r}; a whole number from {least} was expected")
