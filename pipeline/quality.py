"""How good the faces and voices of a feature table are, in figures."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mraf.data.table.features import FeatureTable

BINS = 16
FIGURES = {
    "face_frames": "face",
    "face_size": "face",
    "face_quality": "face",
    "face_steadiness": "face",
    "face_sharpness": "face",
    "voice_seconds": "voice",
    "voice_quality": "voice",
    "voice_snr": "voice",
}
"""Columns that say how good something is, and of what."""


@dataclass(frozen=True)
class Spread:
    """How a figure spreads over the clips that have it."""

    clips: int
    median: float
    p5: float  # 5th percentile
    p95: float
    counts: tuple[int, ...]  # [K] clips in each bin
    edges: tuple[float, ...]  # [K + 1] of the bins


@dataclass(frozen=True)
class Figures:
    """The figures of a table; those that none of its clips have are left out."""

    spreads: dict[str, Spread]
    several_people: int | None  # clips in which more than one was seen; None where none says

    def as_dict(self) -> dict[str, Any]:
        """As `mraf features info --json` prints them."""
        spreads = {name: asdict(spread) for name, spread in self.spreads.items()}
        return {"figures": spreads, "several_people": self.several_people}


def figures(table: "FeatureTable") -> Figures:
    """Summarise the faces and voices that were found. Raises what `FeatureTable.read` raises."""
    import pyarrow.compute as pc

    columns = table.read([*FIGURES, "face_reason", "voice_reason", "faces_seen"])
    spreads = {}
    for name, kind in FIGURES.items():
        # Vectors that were imported have no figures: their columns without nulls hold zeros.
        measured = pc.is_valid(columns[f"{kind}_quality"])
        found = pc.and_(measured, pc.is_null(columns[f"{kind}_reason"]))
        values = np.asarray(pc.drop_null(columns[name].filter(found)), float)
        values = values[np.isfinite(values)]
        if len(values):
            spreads[name] = spread(values)
    people = np.asarray(pc.drop_null(columns["faces_seen"]))
    return Figures(spreads, int((people > 1).sum()) if len(people) else None)


def spread(values: np.ndarray) -> Spread:
    """Median, percentiles and histogram of `[N]` numbers, at least one."""
    low, high = float(values.min()), float(values.max())
    edges = np.histogram_bin_edges(values, BINS)
    if (values == np.round(values)).all() and high - low < BINS:
        edges = np.arange(low, high + 2) - 0.5  # whole numbers: a bin for each
    counts, edges = np.histogram(values, edges)
    p5, median, p95 = (float(v) for v in np.percentile(values, (5, 50, 95)))
    # Edges as they are: the confidence of a good detector spreads over less than any round number.
    return Spread(len(values), median, p5, p95, tuple(counts.tolist()), tuple(edges.tolist()))
