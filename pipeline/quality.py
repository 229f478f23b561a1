"""Quality of the faces and voices in a feature table."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from mraf.data.table.features import FeatureTable
    from mraf.data.table.snapshot import Snapshot

BINS = 16
FIGURES = (
    "face_frames face_size face_quality face_steadiness face_sharpness "
    "voice_seconds voice_quality voice_snr"
).split()
"""Columns of the table that measure quality."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Distribution of a figure over the clips that have it."""

    clips: int
    median: float
    p5: float  # 5th percentile
    p95: float
    counts: tuple[int, ...]  # [K] clips in each bin
    edges: tuple[float, ...]  # [K + 1] of the bins


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Distribution of each figure that at least one clip has."""

    spreads: dict[str, Spread]
    several_people: int | None  # clips that show more than one person; None if no clip was counted

    def as_dict(self) -> dict[str, Any]:
        """Return the part of `mraf features info --json` on quality."""
        spreads = {name: asdict(spread) for name, spread in self.spreads.items()}
        return {"figures": spreads, "several_people": self.several_people}


def figures(table: "FeatureTable", snapshot: "Snapshot | None" = None) -> Figures:
    """Summarise the quality of all faces and voices in the table, or of those of a snapshot.

    Raises what `FeatureTable.read` raises.
    """
    import pyarrow.compute as pc

    rows = table.snapshot() if snapshot is None else snapshot
    columns = rows.table([*FIGURES, "face_reason", "voice_reason", "faces_seen"])
    spreads = {}
    for name in FIGURES:
        kind = name.partition("_")[0]
        # Imported vectors have no figures: the columns that allow no nulls hold zeros for them.
        measured = pc.is_valid(columns[f"{kind}_quality"])
        present = pc.and_(measured, pc.is_null(columns[f"{kind}_reason"]))
        values = np.asarray(pc.drop_null(columns[name].filter(present)), float)
        values = values[np.isfinite(values)]
        if len(values):
            spreads[name] = spread(values)
    people = np.asarray(pc.drop_null(columns["faces_seen"]))
    several = int((people > 1).sum()) if len(people) else None
    return Figures(spreads=spreads, several_people=several)


def spread(values: np.ndarray) -> Spread:
    """Return the median, percentiles and histogram of one or more numbers `[N]`."""
    low, high = float(values.min()), float(values.max())
    edges = np.histogram_bin_edges(values, BINS)
    if (values == np.round(values)).all() and high - low < BINS:
        edges = np.arange(low, high + 2) - 0.5  # whole numbers: a bin for each
    counts, edges = np.histogram(values, edges)
    p5, median, p95 = (float(v) for v in np.percentile(values, (5, 50, 95)))
    return Spread(
        clips=len(values),
        median=median,
        p5=p5,
        p95=p95,
        counts=tuple(counts.tolist()),
        # Not rounded: a good detector's confidences differ by less than any round number.
        edges=tuple(edges.tolist()),
    )
