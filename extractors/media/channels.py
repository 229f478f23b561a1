"""Make one voice track of the channels of a recording, without losing what one of them holds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_SILENT = 1e-5
"""Level (root mean square) below which a channel holds nothing: -100 dBFS."""
_FAINT = 0.01
"""Level beside the loudest channel below which another holds nothing but leakage: -40 dB."""
_WINDOW = 512
"""Samples in a window of the loudness over time, 32 ms."""
_PEAK = 0.999
"""Share of the samples below the level that counts as the peak."""
_LONGEST_TOP = 160
"""Samples of a top from which it is no cut-off crest of a voice, 10 ms."""
_OPPOSED = -0.2
"""Correlation below which a channel counts as having the opposite sign."""
_ALIKE = 0.5
"""Correlation of the sound, or of its loudness, from which two channels hold the same sound."""
_LOST = 0.25
"""Share of the channels' power below which their mean has lost something in a window."""


class Mixed(NamedTuple):
    """One track of several channels."""

    wave: np.ndarray  # [N] float32
    sides: np.ndarray | None = None  # [2, N]: left and right, where they hold different sound
    rest: np.ndarray | None = None  # [N]: beside a centre that is taken, all others that hold sound


def mix(channels: np.ndarray, names: Sequence[str]) -> Mixed:
    """Mix channels `[C, N]` float32 called `names`, as FL, FR and FC, into one.

    The centre speaks, where there is one that holds sound; what else there is goes into `rest`, since
    the centre may hold leakage or music. Otherwise the mean of all channels but
    that of deep effects, silent ones left out; where one has the opposite sign it is turned, and
    where the mean would still lose sound, the loudest channel alone is taken.
    """
    if len(channels) == 1:
        return Mixed(channels[0])
    level = np.array([_level(each) for each in channels])
    place = {name: index for index, name in enumerate(names)}
    centre = place.get("FC")
    if centre is not None and len(channels) > 2 and level[centre] > _least(level):
        return Mixed(channels[centre], rest=_rest(channels, names, centre))
    if (
        names and names[0] == "AMBI0"
    ):  # the first of a sound field is all of it, the others differences
        return Mixed(channels[0])
    kept = [i for i in range(len(channels)) if names[i : i + 1] not in (["LFE"], ["LFE2"])]
    loud = [i for i in kept if level[i] > _least(level[kept])]
    if len(loud) < 2:
        return Mixed(channels[loud[0] if loud else kept[0] if kept else 0])
    used = channels[loud]
    sides = used if len(kept) == len(loud) == 2 and _differ(*used) else None
    if sides is not None:
        return Mixed(used.mean(axis=0, dtype=np.float32), sides)
    mean = _aligned_mean(used)
    strongest = used[int(np.argmax(level[loud]))]
    return Mixed(strongest if _loses(mean, used) else mean)


def _rest(channels: np.ndarray, names: Sequence[str], centre: int) -> np.ndarray | None:
    """Return the mix of all channels but the centre; None where they hold nothing beside it."""
    others = [i for i in range(len(channels)) if i != centre]
    rest = mix(channels[others], [names[i] for i in others]).wave
    return rest if _level(rest) > max(_SILENT, _FAINT * _level(channels[centre])) else None


def concatenated(parts: Sequence[Mixed]) -> Mixed:
    """Return sounds that follow each other as one; sides only where all have them."""
    if len(parts) == 1:
        return parts[0]
    waves = [part.wave for part in parts] or [np.zeros(0, np.float32)]
    sides = [part.sides for part in parts if part.sides is not None]
    are_whole = len(sides) == len(parts) > 0
    has_rest = any(part.rest is not None for part in parts)
    rest = [part.wave if part.rest is None else part.rest for part in parts]
    return Mixed(
        np.concatenate(waves),
        np.concatenate(sides, axis=1) if are_whole else None,
        np.concatenate(rest) if has_rest else None,
    )


def clipped_share(wave: np.ndarray) -> float:
    """Return the share of samples of `[N]` that were cut off at the loudest level, about.

    That leaves flat tops behind steep slopes, a little rounded by codecs and resampling. Those of clean
    sound, of hum and of tones are as round as their slopes let expect. A share below 0.002 is none.
    """
    if len(wave) < _WINDOW:
        return 0.0
    wave = wave - wave.mean()
    some = wave[::4]
    rank = min(round(_PEAK * len(some)), len(some) - 1)
    lowest = len(some) - 1 - rank
    sorted_there = np.partition(some, (lowest, rank))
    low, high = sorted_there[lowest], sorted_there[rank]
    share = _in_flat_tops(wave, float(high)) + _in_flat_tops(-wave, -float(low))
    return share if share > 0.002 else 0.0


def _in_flat_tops(wave: np.ndarray, peak: float) -> float:
    """Return the share of samples of `[N]` that lie in flat tops, of which `peak` is about the highest."""
    if peak < 0.01:
        return 0.0
    # The level that is met most often in the upper half, in steps of a fortieth of the peak.
    steps = np.bincount((wave[wave > 0.51 * peak] * np.float32(39.2 / peak)).astype(int))[:40]
    level = (int(np.argmax(steps)) + 0.5) / 39.2 * peak
    threshold = np.float32(0.8 * level)
    above = wave > threshold
    edges = np.flatnonzero(above[1:] != above[:-1])
    edges = edges[int(above[0]) :]
    before, last = edges[: len(edges) // 2 * 2].reshape(-1, 2).T  # of each run above the threshold
    length = last - before
    kept = (length > 2) & (length < _LONGEST_TOP)
    before, last, length = before[kept], last[kept], length[kept]
    if not len(before):
        return 0.0
    spans = np.stack([before + 1, last + 1], axis=1).ravel()
    height = np.maximum.reduceat(wave, spans)[::2] - threshold
    mean = np.add.reduceat(wave, spans)[::2] / length - threshold
    slope = (wave[before + 1] - wave[before] + wave[last] - wave[last + 1]) / 2
    # A parabola of this slope is above the threshold for four times its height over the slope, and two
    # thirds as high on the average as at its top.
    is_flat = (length * slope > 8 * height) & (mean > 0.7 * height) & (height < 0.55 * level)
    return float(length[is_flat].sum()) / len(wave)


def _least(level: np.ndarray) -> float:
    return max(_SILENT, _FAINT * float(level.max(initial=0.0)))


def _level(wave: np.ndarray) -> float:
    return float(np.std(wave, dtype=np.float64)) if wave.size else 0.0


def _aligned_mean(channels: np.ndarray) -> np.ndarray:
    """Return the mean `[N]`, with channels turned that oppose the sum of those before them."""
    total = channels[0].astype(np.float32, copy=True)
    for channel in channels[1:]:
        total += -channel if _correlation(total, channel) < _OPPOSED else channel
    return total / np.float32(len(channels))


def _loses(mean: np.ndarray, channels: np.ndarray) -> bool:
    """Tell whether sound that is in the channels is lost in their mean for much of the time."""
    power = np.mean([_loudness(each) for each in channels], axis=0)
    left = _loudness(mean)
    matters = power > 0.05 * power.max(initial=0.0)
    share = left[matters] < _LOST / len(channels) * 2 * power[matters]
    return bool(share.size and share.mean() > 0.3)


def _differ(left: np.ndarray, right: np.ndarray) -> bool:
    """Tell whether two channels hold different sound: neither it nor its loudness is alike."""
    if len(left) < 8 * _WINDOW or abs(_correlation(left, right)) > _ALIKE:
        return False
    return _correlation(_loudness(left) ** 0.25, _loudness(right) ** 0.25) < _ALIKE


def _loudness(wave: np.ndarray) -> np.ndarray:
    """Return the power in each whole window."""
    whole = len(wave) // _WINDOW
    return np.square(wave[: whole * _WINDOW].reshape(whole, _WINDOW)).mean(axis=1)


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    scale = float(np.sqrt(np.dot(one, one) * np.dot(other, other)))
    return float(np.dot(one, other)) / scale if scale > 0 else 0.0
