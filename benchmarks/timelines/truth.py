"""What is true of a composed video: who speaks when, who is seen where, and which face speaks."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Said:
    """A stretch of speech of one person."""

    start: float  # s
    stop: float
    speaker: str
    face: int | None = None  # position among the faces; None: the speaker is not seen speaking


@dataclass(frozen=True, kw_only=True)
class Face:
    """A face in a shot."""

    speaker: str
    times: tuple[float, ...]  # [T] s
    boxes: tuple[
        tuple[float, ...], ...
    ]  # [T] x1, y1, x2, y2 in parts of the picture's width and height

    def at(self, time: float) -> tuple[float, ...] | None:
        """Return the box at a time; None where the face is not in the picture."""
        near = int(np.argmin(np.abs(np.array(self.times) - time))) if self.times else 0
        seen = bool(self.times) and abs(self.times[near] - time) <= 0.25
        return self.boxes[near] if seen else None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A shot of the video, for people who look for the cause of an error."""

    start: float
    stop: float
    kind: str


@dataclass(frozen=True, kw_only=True)
class Truth:
    """All that is true of a video."""

    duration: float
    said: tuple[Said, ...]
    faces: tuple[Face, ...] = ()
    scenes: tuple[Scene, ...] = ()
    enrol: dict[str, tuple[str, ...]]  # names of the people to enrol, and their clips
    strangers: tuple[str, ...] = ()
    step: float = 0.0  # s by which the sound comes later than the picture shows it

    def write(self, video: Path) -> None:
        """Write the truth beside a video, as JSON and as RTTM."""
        video.with_suffix(".json").write_text(
            json.dumps(asdict(self), ensure_ascii=False, indent=1)
        )
        lines = [
            f"SPEAKER {video.stem} 1 {each.start:.3f} {each.stop - each.start:.3f} "
            f"<NA> <NA> {each.speaker} <NA> <NA>\n"
            for each in sorted(self.said, key=lambda each: each.start)
        ]
        video.with_suffix(".rttm").write_text("".join(lines), encoding="utf-8")

    def repeated(self, times: int) -> "Truth":
        """Return the truth of the video shown so many times in a row."""
        said, faces, scenes = [], [], []
        for k in range(times):
            shift = k * self.duration
            said += [
                Said(
                    start=each.start + shift,
                    stop=each.stop + shift,
                    speaker=each.speaker,
                    face=None if each.face is None else each.face + k * len(self.faces),
                )
                for each in self.said
            ]
            faces += [
                Face(
                    speaker=each.speaker,
                    times=tuple(t + shift for t in each.times),
                    boxes=each.boxes,
                )
                for each in self.faces
            ]
            scenes += [
                Scene(start=each.start + shift, stop=each.stop + shift, kind=each.kind)
                for each in self.scenes
            ]
        return Truth(
            duration=times * self.duration,
            said=tuple(said),
            faces=tuple(faces),
            scenes=tuple(scenes),
            enrol=self.enrol,
            strangers=self.strangers,
            step=self.step,
        )


def read_truth(file: Path) -> Truth:
    """Read what `Truth.write` wrote as JSON."""
    found = json.loads(file.read_text(encoding="utf-8"))
    faces = [
        Face(
            speaker=each["speaker"],
            times=tuple(each["times"]),
            boxes=tuple(tuple(box) for box in each["boxes"]),
        )
        for each in found["faces"]
    ]
    return Truth(
        duration=found["duration"],
        said=tuple(Said(**each) for each in found["said"]),
        faces=tuple(faces),
        scenes=tuple(Scene(**each) for each in found["scenes"]),
        enrol={name: tuple(clips) for name, clips in found["enrol"].items()},
        strangers=tuple(found["strangers"]),
        step=found["step"],
    )


def read_rttm(file: Path) -> tuple[Said, ...]:
    """Read the stretches of speech of an RTTM file."""
    rows = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Said(start=float(row[3]), stop=float(row[3]) + float(row[4]), speaker=row[7])
        for row in rows
        if row and row[0] == "SPEAKER"
    )
