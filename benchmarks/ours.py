"""The side of `extract.py` that is measured: `mraf extract` with some settings."""

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import campplus, pair_of
from plain import has_dlib
from vectors import keep


def ours(
    clips: list[Path], folder: Path, name: str, engine: dict[str, Any], *, trained: bool = True
) -> dict[str, Any]:
    """Run `mraf extract`; return its figures, and keep its vectors in a file of the way's name.

    Then, not timed, with the encoders whose weights are trained, if `trained`.
    """
    from mraf.data.clips.clip import Clip
    from mraf.extractors.encoders import EncoderPair, EncoderSpec

    entries = [Clip(str(number), clip) for number, clip in enumerate(clips)]
    random = pair_of(folder)
    dlib, voice = has_dlib(), campplus()
    real = EncoderPair(
        face=EncoderSpec(name="dlib") if dlib else random.face, voice=voice or random.voice
    )
    if engine["device"] == "cpu":
        convert([random.face, random.voice, real.face, real.voice])
    result, (faces, voices) = extracted(entries, folder, random, engine)
    lost: list[np.ndarray | None] = [None] * len(clips)
    by_dlib, by_campplus = lost, lost
    if trained and (dlib or voice):
        _, found = extracted(entries, folder, real, engine)
        by_dlib, by_campplus = found[0] if dlib else lost, found[1] if voice else lost
    columns = {"face": faces, "voice": voices}
    keep(
        folder / f"{name}.npz",
        columns | {"face_trained": by_dlib, "voice_trained": by_campplus},
    )
    return result


def convert(specs: list[Any]) -> None:
    """Convert the networks into the cache, as a user's first run does once."""
    from mraf.extractors.encoders import build
    from mraf.extractors.face.mtcnn import Cascade

    Cascade()
    for spec in dict.fromkeys(specs):
        build(spec)


def extracted(
    clips: list[Any], folder: Path, pair: Any, engine: dict[str, Any]
) -> tuple[dict[str, Any], tuple[list[np.ndarray | None], list[np.ndarray | None]]]:
    """Extract into a new workspace; return the figures, and the faces and voices of the clips."""
    from mraf.pipeline.workspace import Workspace

    with tempfile.TemporaryDirectory(dir=folder) as space:
        figures = timed(clips, Path(space), pair, engine)
        return figures, vectors_of(Workspace(Path(space)), len(clips))


def timed(clips: list[Any], space: Path, pair: Any, engine: dict[str, Any]) -> dict[str, Any]:
    """Extract, and measure from the moment when every worker has done its first clips."""
    from mraf.pipeline.extraction.extract import extract_clips
    from mraf.pipeline.extraction.local import LocalEngine

    ends: list[float] = []
    started = time.monotonic()
    extract_clips(
        clips,
        workspace=space,
        encoders=pair,
        engine=LocalEngine(**engine),
        on_progress=lambda each: ends.append(time.monotonic()) if each.done else None,
    )
    # The first clips of all workers, unless these are most of all clips.
    first = min(engine["workers"] * engine.get("at_once", 1), max(1, len(clips) // 2))
    peaks = [
        resource.getrusage(who).ru_maxrss / 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    ]
    return {
        "speed": (len(clips) - first) / (ends[-1] - ends[first - 1]),
        "loading": ends[0] - started,
        "peaks": peaks,
    }


def vectors_of(
    workspace: Any, count: int
) -> tuple[list[np.ndarray | None], list[np.ndarray | None]]:
    """Return faces and voices in the order of the clips."""
    rows = {int(row.clip): row for row in workspace.table.rows()}
    return [rows[i].face for i in range(count)], [rows[i].voice for i in range(count)]
