"""Measure the cosines of pairs of clips of one person and of two: the priors of `mraf compare`.

    python benchmarks/pairs.py --polysim WORKSPACE --videos WORKSPACE

POLYSIM is a workspace with the features of POLY-SIM 2026 imported (`mraf polysim import`), VIDEOS one into
which `mraf extract` has read clips with dlib and CAM++. The former gives FaceNet and ECAPA a logistic
regression; the latter has few people, so theirs comes from two normal distributions, made as much less
steep as the regression is on POLY-SIM.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from mraf.pipeline.workspace import Workspace

CLIPS = 4  # a recording, so that pairs can be held in memory
Array = NDArray[np.float64]


class Pairs:
    """All pairs of clips of different recordings: cosines, and the people of each pair."""

    def __init__(self, folder: Path, people: slice = slice(None), *, recordings: bool) -> None:
        rows = Workspace.at(folder).table.arrays()
        train = np.array(["polysim" not in c or "/train" in c for c in rows.clip])
        speaker, recording = np.array(rows.speaker, str), np.array(rows.recording, str)
        rng = np.random.default_rng(0)
        chosen = rng.permutation(np.unique(speaker[train]))[people]
        kept = []
        for who in chosen:
            own = train & (speaker == who)
            for each in np.unique(recording[own]):
                clips = np.flatnonzero(own & (recording == each))
                kept += list(rng.choice(clips, min(CLIPS if recordings else 99, len(clips)), False))
        index = np.array(kept)
        a, b = (index[k] for k in np.triu_indices(len(index), 1))
        self.same = speaker[a] == speaker[b]
        self.other = recording[a] != recording[b]
        if recordings:
            a, b, self.same = a[self.other], b[self.other], self.same[self.other]
        face, voice = (
            x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows.face, rows.voice)
        )
        self.face = (face[a] * face[b]).sum(axis=1).astype(float)
        self.voice = (voice[a] * voice[b]).sum(axis=1).astype(float)
        # One person, or two people, count as much as any other, and half of the pairs are of one.
        _, each, number = np.unique(
            np.stack([speaker[a], speaker[b]]), axis=1, return_inverse=True, return_counts=True
        )
        weight = 1 / number[each.ravel()]
        self.weight = np.where(
            self.same, weight / weight[self.same].sum(), weight / weight[~self.same].sum()
        )
        self.people = len(chosen)


def logistic(x: Array, same: NDArray[np.bool_], weight: Array) -> Array:
    """Return slopes and bias of log odds in x [M, S]."""
    centre, scale = x.mean(axis=0), x.std(axis=0)
    z = np.column_stack([(x - centre) / scale, np.ones(len(x))])
    sign = np.where(same, 1, -1)

    def loss(v: Array) -> float:
        return float((weight * np.logaddexp(0, -sign * (z @ v))).sum())

    v = minimize(loss, np.zeros(z.shape[1]), method="BFGS").x
    slope = v[:-1] / scale
    return np.append(slope, v[-1] - slope @ centre)


def normal(x: Array, same: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and bias of log odds for two normal distributions as wide as that of two people."""
    high, low, variance = x[same].mean(), x[~same].mean(), x[~same].var()
    slope = (high - low) / variance
    return float(slope), float(-slope * (high + low) / 2)


def reliability(odds: Array, pairs: Pairs, name: str) -> None:
    """Print what was promised and what was so, and the errors at some thresholds."""
    promised = 1 / (1 + np.exp(-odds))
    cells = []
    for low, high in ((0, 0.01), (0.01, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 1.01)):
        some = (promised >= low) & (promised < high)
        w = pairs.weight[some]
        if len(w):
            cells.append(f"{w @ promised[some] / w.sum():.3f}>{w @ pairs.same[some] / w.sum():.3f}")
    print(f"{name}: promised > true  {'  '.join(cells)}")
    for bar in (0.9, 0.95, 0.98, 0.99):
        w, same = pairs.weight, pairs.same
        yes, no = promised >= bar, promised <= 1 - bar
        print(
            f"   bar {bar}: of one person: same {w @ (same & yes):.3f} different {w @ (same & no):.4f};"
            f" of two: same {w @ (~same & yes):.4f} different {w @ (~same & no):.3f}"
        )


def main() -> None:
    """Print the priors, and how they do on speakers that they were not fitted to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--polysim", type=Path, required=True)
    parser.add_argument("--videos", type=Path, required=True)
    asked = parser.parse_args()
    gentler: dict[str, float] = {}
    for people, test in ((slice(0, 35), slice(35, 70)), (slice(None), None)):
        pairs = Pairs(asked.polysim, people, recordings=True)
        held = Pairs(asked.polysim, test, recordings=True) if test else None
        print(f"POLY-SIM, fitted to {pairs.people} speakers")
        single = {}
        for name in ("face", "voice"):
            x = getattr(pairs, name)
            slope, bias = logistic(x[:, None], pairs.same, pairs.weight)
            single[name] = slope, bias
            gentler[name] = slope / normal(x, pairs.same)[0]
            print(
                f"  {name}: slope {slope:.2f} bias {bias:.2f} ({gentler[name]:.2f} of two normals')"
            )
            if held:
                reliability(getattr(held, name) * slope + bias, held, name)

        def odds(of: Pairs, name: str, single: dict = single) -> Array:  # type: ignore[type-arg]
            return np.asarray(getattr(of, name) * single[name][0] + single[name][1])

        def both(of: Pairs) -> Array:
            return np.column_stack([odds(of, "face"), odds(of, "voice")])

        joint = logistic(both(pairs), pairs.same, pairs.weight)
        print(f"  both: {joint[0]:.3f} face + {joint[1]:.3f} voice + {joint[2]:.3f}")
        if held:
            reliability(both(held) @ joint[:-1] + joint[-1], held, "both")
    pairs = Pairs(asked.videos, recordings=False)
    print(f"videos, {pairs.people} speakers")
    for name, far in product(("face", "voice"), (False, True)):
        x = getattr(pairs, name)
        some = ~pairs.same | pairs.other if far else np.ones(len(x), bool)
        slope, _ = normal(x[some], pairs.same[some])
        middle = (x[some & pairs.same].mean() + x[~pairs.same].mean()) / 2
        slope *= gentler[name]
        print(f"  {name}, {'other recordings' if far else 'all'}: slope {slope:.2f} bias {-slope * middle:.2f} "
              f"middle {middle:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
