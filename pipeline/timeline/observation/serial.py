"""Write what is heard and seen in a part of a file into one file of arrays without pickle, and read it.

Any tree of dataclasses, tuples, arrays, numbers, texts and bytes is written: arrays and bytes as arrays,
the rest as JSON beside them.
"""

import io
import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

_TREE = "tree"
T = TypeVar("T")


def to_bytes(value: Any) -> bytes:
    """Return the content of a file for a dataclass."""
    arrays: dict[str, np.ndarray] = {}
    tree = _flat(value, "", arrays)
    arrays[_TREE] = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def from_bytes(kind: type[T], content: bytes) -> T:
    """Return the dataclass `kind` of a file's content. Raises ValueError where it is damaged."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
        tree = json.loads(arrays.pop(_TREE).tobytes())
        return _built(kind, tree, arrays)
    except ValueError:
        raise
    except Exception as error:  # of zipfile, zlib, numpy's reader of headers, and their like
        raise ValueError(f"damaged ({type(error).__name__}: {error})") from None


def _flat(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return a value of JSON; arrays and bytes go into `arrays`, and their names take their place."""
    if is_dataclass(value):
        return {
            each.name: _flat(getattr(value, each.name), f"{name}.{each.name}", arrays)
            for each in fields(value)
        }
    if isinstance(value, tuple):
        return [_flat(each, f"{name}.{i}", arrays) for i, each in enumerate(value)]
    if isinstance(value, np.ndarray | bytes):
        key = name.lstrip(".")
        arrays[key] = np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value
        return key
    return value.item() if isinstance(value, np.generic) else value


def _built(kind: Any, tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return a value of a type from `_flat`'s tree. Raises KeyError, TypeError, ValueError."""
    if get_origin(kind) in (Union, types.UnionType):
        if tree is None:
            return None
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        made: Any = kind
        return made(**{each: _built(hints[each], tree[each], arrays) for each in tree})
    if get_origin(kind) is tuple:
        inner, *_ = get_args(kind)
        return tuple(_built(inner, each, arrays) for each in tree)
    if kind is np.ndarray:
        return arrays[tree]
    if kind is bytes:
        return arrays[tree].tobytes()
    return kind(tree)
