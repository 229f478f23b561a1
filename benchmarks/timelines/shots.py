"""Shots that make a video: who is seen, who is heard; and what is true of them."""

from dataclasses import dataclass, replace

import numpy as np

from .clips import LOOKS, Take
from .truth import Face, Said, Scene, Truth

WIDTH, HEIGHT = 1280, 720
WHOLE = (0, 0, WIDTH, HEIGHT)
LEFT, RIGHT = (0, 0, WIDTH // 2, HEIGHT), (WIDTH // 2, 0, WIDTH // 2, HEIGHT)
RATE = 16_000

Cell = tuple[int, int, int, int]
"""x, y, width and height in pixels of a part of the picture."""


@dataclass(frozen=True, kw_only=True)
class Pane:
    """A clip's picture in a part of a shot's picture."""

    take: Take
    cell: Cell = WHOLE
    still: bool = False  # its first picture all the time

    @property
    def zoom(self) -> float:
        """Factor from the clip's pixels to those of the shot; the clip fills its cell one way."""
        return min(self.cell[2] / self.take.size[0], self.cell[3] / self.take.size[1])

    @property
    def place(self) -> Cell:
        """Where the clip's picture lies in the shot's."""
        width, height = (round(each * self.zoom) // 2 * 2 for each in self.take.size)
        x = self.cell[0] + (self.cell[2] - width) // 2
        return x, self.cell[1] + (self.cell[3] - height) // 2, width, height


@dataclass(frozen=True, kw_only=True)
class Voice:
    """A clip's sound in a shot."""

    take: Take
    gain: float = 1.0
    since: float = 0.0  # s from the beginning of the shot; before, it is not heard


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What is seen and heard between two cuts."""

    kind: str
    seconds: float
    panes: tuple[Pane, ...] = ()  # none: a moving pattern in which nobody is seen
    voices: tuple[Voice, ...] = ()
    music: float = 0.0  # level of the music, full scale is 1
    line: bool = False  # a line of text over the lower third


def truth_of(
    shots: list[Shot],
    *,
    enrol: dict[str, tuple[str, ...]],
    strangers: tuple[str, ...],
    step: float = 0.0,
    late: float = 0.0,
) -> Truth:
    """Return what is true of a video of these shots.

    Args:
        shots: from the first on.
        enrol: the people whom a model is to know, and the clips to enrol them from.
        strangers: the others.
        step: s by which the sound comes later than the picture.
        late: s at which the sound begins.
    """
    said: list[Said] = []
    faces: list[Face] = []
    scenes: list[Scene] = []
    start = 0.0
    for shot in shots:
        stop = start + shot.seconds
        scenes.append(Scene(start=start, stop=stop, kind=shot.kind))
        seen: dict[int, int] = {}
        for pane in shot.panes:
            if not pane.still:
                seen[id(pane.take)] = len(faces)
            faces.append(_face(pane, start, shot.seconds))
        for voice in shot.voices:
            face = seen.get(id(voice.take))
            for first, last in voice.take.speech:
                one, two = start + max(first, voice.since) + step, min(start + last, stop) + step
                said.append(Said(start=one, stop=two, speaker=voice.take.speaker, face=face))
        start = stop
    heard = [replace(each, start=max(each.start, late)) for each in said if each.stop > late]
    heard = [replace(each, start=max(each.start, 0), stop=min(each.stop, start)) for each in heard]
    return Truth(
        duration=start,
        said=tuple(each for each in heard if each.stop > each.start),
        faces=tuple(faces),
        scenes=tuple(scenes),
        enrol=enrol,
        strangers=strangers,
        step=step,
    )


def _face(pane: Pane, start: float, seconds: float) -> Face:
    """Return a pane's face, as found in the clip, in the picture of the shot."""
    boxes = pane.take.boxes[:1] if pane.still else pane.take.boxes
    x, y, _, _ = pane.place
    times, places = [], []
    for k in range(int(seconds * LOOKS)):
        box = boxes[min(k, len(boxes) - 1)]
        if np.isfinite(box).all():
            x1, y1, x2, y2 = (float(each) * pane.zoom for each in box)
            times.append(round(start + k / LOOKS, 3))
            places.append(
                ((x1 + x) / WIDTH, (y1 + y) / HEIGHT, (x2 + x) / WIDTH, (y2 + y) / HEIGHT)
            )
    return Face(speaker=pane.take.speaker, times=tuple(times), boxes=tuple(places))


def sound_of(shots: list[Shot], waves: dict[str, np.ndarray], seed: int, step: float) -> np.ndarray:
    """Return the sound `[N]` of a video at 16 kHz, later by `step` seconds than its picture.

    Args:
        shots: from the first on.
        waves: the sound of each clip, by its path.
        seed: of the music and the noise.
        step: s.
    """
    rng = np.random.default_rng([seed, 5])
    size = round(sum(shot.seconds for shot in shots) * RATE)
    whole = rng.normal(0, 1e-4, size).astype(np.float32)
    start = 0.0
    for shot in shots:
        for voice in shot.voices:
            first, last = round(start * RATE), round((start + shot.seconds) * RATE)
            wave = waves[str(voice.take.path)][: min(last, size) - first].copy()
            wave[: round(voice.since * RATE)] = 0
            whole[first : first + len(wave)] += voice.gain * wave
        if shot.music:
            first, count = round(start * RATE), round(shot.seconds * RATE)
            tune = music(count, rng)[: size - first]
            whole[first : first + count] += shot.music * tune
        start += shot.seconds
    shift = round(step * RATE)
    whole = np.roll(whole, shift)
    if shift > 0:
        whole[:shift] = 0
    elif shift < 0:
        whole[shift:] = 0
    return np.clip(whole, -1, 1)


def music(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return `[count]` samples of chords with a beat, about -1 to 1."""
    time = np.arange(count) / RATE
    tune = np.zeros(count)
    roots = 110 * 2 ** (rng.integers(0, 12, 1 + count // RATE) / 12)
    for second, root in enumerate(roots):
        inside = (time >= second) & (time < second + 1)
        t = time[inside] - second
        for ratio in (1, 5 / 4, 3 / 2, 2):
            for harmonic in (1, 2, 3):
                tone = np.sin(2 * np.pi * root * ratio * harmonic * t) / harmonic
                tune[inside] += tone * np.exp(-1.5 * t)
        for beat in (0, 0.5):
            hit = (t >= beat) & (t < beat + 0.08)
            noise = rng.normal(0, 1, int(hit.sum()))
            tune[np.flatnonzero(inside)[hit]] += noise * np.linspace(1, 0, int(hit.sum()))
    return (tune / max(1e-6, float(np.abs(tune).max()))).astype(np.float32)
