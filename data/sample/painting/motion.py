"""Motion of a drawn person: mouth, blinks and head."""

from dataclasses import dataclass

import numpy as np

from mraf.data.sample.painting.canvas import Array


@dataclass(frozen=True, kw_only=True)
class Motion:
    """Motion in a clip: each field has a number a frame, [T]; lengths in head units, angles in rad."""

    mouth: Array
    lids: Array
    x: Array
    y: Array
    roll: Array
    yaw: Array
    pitch: Array


def draw_motion(envelope: Array, fps: float, rng: np.random.Generator) -> Motion:
    """Draw the motion of a person whose speech has the loudness `envelope` [T]."""
    count = len(envelope)
    times = np.arange(count) / fps

    def sway(size: float, fastest: float) -> Array:
        waves = [
            rng.normal(0, 0.6)
            * np.sin(2 * np.pi * rng.uniform(0.08, fastest) * times + rng.uniform(0, 7))
            for _ in range(3)
        ]
        return (size * (rng.normal(0, 0.4) + np.sum(waves, axis=0))).astype(np.float32)

    nods = np.convolve(envelope, np.ones(9) / 9)[4 : 4 + count] - float(envelope.mean())
    return Motion(
        mouth=np.clip(envelope, 0, 1).astype(np.float32),
        lids=_blinks(count, fps, rng),
        x=sway(0.045, 0.4),
        y=sway(0.02, 0.4) + (0.04 * nods).astype(np.float32),
        roll=sway(0.035, 0.35),
        yaw=np.clip(sway(0.085, 0.4), -0.2, 0.2),
        pitch=np.clip(sway(0.035, 0.4) + (0.05 * nods).astype(np.float32), -0.1, 0.1),
    )


def _blinks(count: int, fps: float, rng: np.random.Generator) -> Array:
    """Draw the lids [T]: 0 open to 1 closed, with a blink every few seconds."""
    lids = np.zeros(count, np.float32)
    shape = np.array([0.35, 1.0, 1.0, 0.65, 0.3], np.float32)
    at = rng.uniform(0.2, 2.0)
    while at * fps < count:
        start = int(at * fps)
        part = lids[start : start + len(shape)]
        part[:] = shape[: len(part)]
        at += rng.uniform(1.6, 4.0)
    return lids
