"""JSON without NaN and infinity, which it cannot represent."""

import json
import math
from typing import Any

from mraf.errors import UsageError


def finite(value: Any) -> Any:
    """Return a value of JSON with None in place of numbers that are not finite."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_json(name: str, value: object, indent: int | None = 2) -> bytes:
    """Return the content of the JSON file `name`. Raises UsageError where `value` cannot be JSON."""
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name} cannot be written: {error}") from error
    return (text + "\n").encode()
