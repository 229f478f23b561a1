"""Options that are checked when they are made. This module does not import torch."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from mraf.errors import UsageError

T = TypeVar("T")

STRICT = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
"""No conversion of types, no NaN and no infinity, no unknown field."""


@dataclass_transform(
    frozen_default=True, kw_only_default=True, field_specifiers=(Field, dataclasses.field)
)
def checked(what: str) -> Callable[[type[T]], type[T]]:
    """Return a decorator for frozen, keyword-only dataclasses whose annotations are enforced.

    Ranges stand in the annotations (`PositiveInt`, `Annotated[float, Field(ge=0, lt=1)]`), choices
    are `Literal`. A value that breaks them raises UsageError with one line, such as "model: tokens
    is -1; it should be greater than 0".

    Args:
        what: the first word of the message: "model" or "training".
    """

    def decorate(plain: type[T]) -> type[T]:
        made: Any = dataclass(frozen=True, kw_only=True, config=STRICT)(plain)
        validate = made.__init__

        @functools.wraps(validate)
        def init(self: T, **values: object) -> None:
            try:
                validate(self, **values)
            except ValidationError as error:
                raise UsageError(f"{what}: {_first(error)}") from None

        made.__init__ = init
        return made

    return decorate


def _first(error: ValidationError) -> str:
    """Return the first of pydantic's complaints as one line."""
    found = error.errors(include_url=False)[0]
    name, complaint = found["loc"][0], found["msg"]
    wanted = complaint.removeprefix("Input should be ")
    if wanted == complaint:  # the field itself is unknown or absent
        return f"{name}: {complaint[0].lower()}{complaint[1:]}"
    return f"{name} is {found['input']!r}; it should be {wanted}"
