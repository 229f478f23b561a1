"""Vectors of the challenge: one .npy file for each face and each voice."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mraf.data.polysim.entries import Entry
from mraf.data.polysim.layout import PolysimData
from mraf.errors import UsageError

FACE_DIM, VOICE_DIM = 512, 192
"""Lengths of a FaceNet and of an ECAPA-TDNN vector."""

_NAMED_IN_MESSAGE = 10

Vector = np.ndarray | None
Progress = Callable[[int, int], None]
"""Callback with the number of samples done and the number of all samples."""


def read_vectors(
    data: PolysimData, progress: Progress | None = None
) -> list[tuple[Entry, Vector, Vector]]:
    """Read the face `[512]` and the voice `[192]` of each entry, float32; None where all zero.

    Raises UsageError where files are absent, damaged, of another shape or not finite.
    """
    entries = [entry for split in data.splits for entry in split.entries]
    problems: list[str] = []

    def load(path: str, dim: int) -> Vector:
        try:
            return read_vector(data.root / path, dim)
        except (OSError, ValueError, MemoryError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            problems.append(f"{path}: {reason or type(error).__name__}")
            return None

    found = []
    # One thread: with files this small, more threads only wait for the interpreter lock.
    for done, entry in enumerate(entries, 1):
        found.append((entry, load(entry.face, FACE_DIM), load(entry.voice, VOICE_DIM)))
        if progress:
            progress(done, len(entries))
    if problems:
        error = UsageError(_unusable(data.root, list(dict.fromkeys(problems))))
        error.problems = tuple(dict.fromkeys(problems))  # "<path from ROOT>: <reason>"
        raise error
    return found


def read_vector(path: Path, dim: int) -> Vector:
    """Read a vector of `dim` numbers; None where all are zero. Raises OSError or ValueError."""
    array = _read_array(path.read_bytes())
    if array.dtype.kind != "f" or array.squeeze().shape != (dim,):
        raise ValueError(
            f"{array.dtype} of shape {list(array.shape)}, expected {dim} floating-point numbers"
        )
    with np.errstate(over="ignore"):  # a value too large for float32 becomes infinite
        vector = array.ravel().astype(np.float32)
    if not np.isfinite(vector).all():
        raise ValueError("holds NaN or infinity")
    return vector if vector.any() else None


def _read_array(content: bytes) -> np.ndarray:
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    # numpy parses the header as Python source: damage leads to errors of the tokenizer, the compiler
    # or the allocation, of which numpy documents only ValueError.
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"damaged, or not an .npy file ({reason})") from None


def _unusable(root: Path, problems: list[str]) -> str:
    shown = "\n".join(f"  {line}" for line in problems[:_NAMED_IN_MESSAGE])
    more = len(problems) - _NAMED_IN_MESSAGE
    count = f"{len(problems)} feature file{'s' if len(problems) > 1 else ''}"
    rest = f"\n  and {more} more" if more > 0 else ""
    return (
        f"{root}: {count} cannot be used; expected .npy files of {FACE_DIM} "
        f"numbers a face and {VOICE_DIM} a voice.\n{shown}{rest}\n"
        "Nothing was imported. Get these files again, or unpack the challenge's archive again."
    )
