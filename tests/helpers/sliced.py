"""Slices of pictures and sound that are at hand, as a stream gives them."""

from pathlib import Path

import numpy as np

from mraf.extractors.streaming.slices import LOOK, SLICE_SECONDS, TICKS, Slice


def sliced(
    pictures: np.ndarray,
    shown: np.ndarray | None = None,
    wave: np.ndarray | None = None,
    first: int = 0,
) -> list[Slice]:
    """Cut `[F, H, W, 3]` pictures into slices of 2 s; `shown[k]` is the picture at tick k, by default the k-th."""
    import cv2

    shown = np.arange(len(pictures)) if shown is None else shown
    length = round(SLICE_SECONDS * TICKS)
    slices = []
    for start in range(0, len(shown), length):
        here = shown[start : start + length]
        distinct, position = np.unique(here[here >= 0], return_inverse=True)
        places = np.full(len(here), -1, np.int32)
        places[here >= 0] = position
        looks = [k for k in range(len(here)) if (first + start + k) % LOOK == 0 and here[k] >= 0]
        grey = [cv2.cvtColor(pictures[i], cv2.COLOR_RGB2GRAY) for i in distinct]
        begin, end = (round(k * 16_000 / TICKS) for k in (start, start + len(here)))
        slices.append(
            Slice(
                start=(first + start) / TICKS,
                stop=(first + start + len(here)) / TICKS,
                wave=None if wave is None else wave[begin:end],
                grey=np.array(grey, np.uint8).reshape(-1, *pictures.shape[1:3]),
                shown=places,
                colour=pictures[here[looks]] if looks else pictures[:0],
                looks=np.array([first + start + k for k in looks], np.int32),
            )
        )
    return slices


def real(path: Path, side: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The pictures at 25 ticks a second and the sound of a clip; scaled to a height."""
    import av
    import cv2

    with av.open(str(path)) as container:
        frames = [(f.time, f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
    times = np.array([time for time, _ in frames])
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("flt", "mono", 16_000)
        decoded = [*container.decode(audio=0), None]
        begin = decoded[0].time
        parts = [out.to_ndarray()[0] for f in decoded for out in resampler.resample(f)]
    wave = np.concatenate([np.zeros(round(begin * 16_000), np.float32), *parts])
    ticks = np.arange(0, times[-1] + 1e-6, 1 / TICKS)
    at = np.clip(np.searchsorted(times, ticks + 1e-6, side="right") - 1, 0, None)
    pictures = [frames[i][1] for i in at]
    if side:
        zoom = side / pictures[0].shape[0]
        pictures = [
            cv2.resize(p, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA) for p in pictures
        ]
    wave = np.pad(wave, (0, max(0, len(ticks) * 640 - len(wave))))[: len(ticks) * 640]
    return np.stack(pictures), wave
