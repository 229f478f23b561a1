"""Meetings with their truth, and parts of other meetings from which their people are enrolled."""

import wave as waves
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .clips import sound
from .truth import Said, Truth, read_rttm

PAIRS = {"dev01": "dev00", "trn08": "trn07"}
"""Meetings, and those from which their people are enrolled."""
SHORTEST = 1.0
"""Seconds of a stretch of speech from which somebody is enrolled, at least."""
RATE = 16_000


def meetings(folder: Path, temporary: Path) -> Iterator[tuple[Path, Truth]]:
    """Yield meetings with their truth; some have people to enrol, from parts of another meeting."""
    for path in sorted(folder.glob("*.flac")):
        said = read_rttm(path.with_suffix(".rttm"))
        other = PAIRS.get(path.stem)
        enrol = parts(folder / f"{other}.flac", temporary) if other else {}
        strangers = {each.speaker for each in said} - set(enrol)
        truth = Truth(
            duration=len(sound(path)) / RATE,
            said=said,
            enrol=enrol,
            strangers=tuple(sorted(strangers)),
        )
        yield path, truth


def parts(path: Path, folder: Path) -> dict[str, tuple[str, ...]]:
    """Write a file for each speaker of a meeting, of the parts in which nobody else speaks; return them."""
    samples, said = sound(path), read_rttm(path.with_suffix(".rttm"))
    found: dict[str, list[np.ndarray]] = {}
    for each in said:
        for start, stop in alone(each, said):
            if stop - start >= SHORTEST:
                piece = samples[round(start * RATE) : round(stop * RATE)]
                found.setdefault(each.speaker, []).append(piece)
    files = {name: folder / f"{path.stem}-{name}.wav" for name in found}
    for name, pieces in found.items():
        _write(files[name], np.concatenate(pieces))
    return {name: (str(file),) for name, file in files.items()}


def alone(one: Said, said: tuple[Said, ...]) -> list[tuple[float, float]]:
    """Return the parts of a stretch of speech in which nobody else speaks."""
    spans = [(one.start, one.stop)]
    for other in said:
        if other.speaker != one.speaker:
            spans = [
                piece
                for start, stop in spans
                for piece in ((start, min(stop, other.start)), (max(start, other.stop), stop))
                if piece[0] < piece[1]
            ]
    return spans


def _write(file: Path, samples: np.ndarray) -> None:
    with waves.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes((samples * 32767).astype("<i2").tobytes())
