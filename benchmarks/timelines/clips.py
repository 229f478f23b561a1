"""Real clips of one person each: when they hold speech, and where the face is."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LOOKS = 5
"""Pictures a second in which the face of a clip is looked for."""
PAUSE = 0.3
"""Shortest pause in seconds that ends a stretch of speech."""

Span = tuple[float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Take:
    """A clip of somebody who speaks and is seen."""

    path: Path
    speaker: str
    seconds: float
    size: tuple[int, int]  # width and height of the picture
    speech: tuple[Span, ...]  # s
    boxes: np.ndarray  # [T, 4] x1, y1, x2, y2 in pixels, 5 a second; NaN where no face is found


class Looker:
    """Looks at clips, each once: what it finds goes to a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Any] = json.loads(file.read_text()) if file.is_file() else {}
        self._finder: Any = None
        self._silero: Any = None

    def look(self, path: Path, speaker: str) -> Take:
        """Return what a clip holds."""
        key = str(path)
        if key not in self._known:
            self._known[key] = self._found(path)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._known))
        found = self._known[key]
        return Take(
            path=path,
            speaker=speaker,
            seconds=found["seconds"],
            size=(found["size"][0], found["size"][1]),
            speech=tuple((start, stop) for start, stop in found["speech"]),
            boxes=np.array(found["boxes"], np.float32).reshape(-1, 4),
        )

    def _found(self, path: Path) -> dict[str, Any]:
        if self._finder is None:
            from mraf.extractors.face.detect import FaceFinder

            self._finder, self._silero = FaceFinder(), silero()
        wave = sound(path)
        times, frames = pictures(path)
        seconds = min(len(wave) / 16_000, float(times[-1]) + 0.04)
        looks = [frames[on_display(times, k / LOOKS)] for k in range(max(1, int(seconds * LOOKS)))]
        faces = self._finder.find([np.stack(looks)])[0]
        boxes = [
            max(each.boxes.tolist(), key=lambda b: b[3] - b[1], default=[np.nan] * 4)
            for each in faces
        ]
        height, width = frames[0].shape[:2]
        speech = speech_of(wave, self._silero)
        return {"seconds": seconds, "size": [width, height], "speech": speech, "boxes": boxes}


def silero() -> Any:
    """Return silero's network."""
    from mraf.extractors import compat

    compat.prepare("torchaudio")
    import silero_vad

    return silero_vad.load_silero_vad()


def speech_of(wave: np.ndarray, model: Any) -> list[Span]:
    """Return the stretches of speech `[s, s]` in sound `[N]` at 16 kHz, short pauses filled."""
    import silero_vad
    import torch

    found = silero_vad.get_speech_timestamps(torch.from_numpy(wave), model)
    spans: list[Span] = []
    for each in found:
        start, stop = each["start"] / 16_000, each["end"] / 16_000
        if spans and start - spans[-1][1] < PAUSE:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans


def sound(path: Path) -> np.ndarray:
    """Return the sound `[N]` float32 of a file at 16 kHz."""
    from mraf.extractors.media.read import read_video

    wave = read_video(path, frames=0, max_seconds=24 * 3600).wave
    if wave is None:
        raise ValueError(f"{path} has no sound")
    return wave


def pictures(path: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the times `[T]` in s and the pictures, each `[H, W, 3]` RGB, of a short clip."""
    import av

    times, frames = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            times.append(float(frame.time or 0))
            frames.append(frame.to_ndarray(format="rgb24"))
    return np.array(times) - times[0], frames


def on_display(times: np.ndarray, at: float) -> int:
    """Return the position of the picture that is on display at a time."""
    return max(0, int(np.searchsorted(times, at + 1e-6, side="right")) - 1)


def clips_of(folder: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield each speaker of a folder `<speaker>/<language>/<recording>/<clip>.mp4` and the clips."""
    for speaker in sorted(each for each in folder.iterdir() if each.is_dir()):
        yield speaker.name, sorted(speaker.rglob("*.mp4"))
