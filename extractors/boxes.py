"""Overlap of boxes, and greedy non-maximum suppression, for every detector here."""

import numpy as np

_ROWS = 1000  # boxes compared with all others at once: bounds the memory


def shared_and_whole(
    a: np.ndarray, b: np.ndarray, *, of_smaller: bool = False, edge: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return intersections, and the areas to divide them by: unions, or the smaller boxes.

    Args:
        a: boxes `[..., 4]` of x1, y1, x2, y2.
        b: boxes whose shape broadcasts with that of `a`.
        of_smaller: compare with the smaller of the two boxes instead of their union.
        edge: added to each width and height: 1 where x2 and y2 are the last pixels inside.
    """
    ax1, ay1, ax2, ay2 = np.moveaxis(a, -1, 0)
    bx1, by1, bx2, by2 = np.moveaxis(b, -1, 0)
    width = np.minimum(ax2, bx2) - np.maximum(ax1, bx1) + edge
    height = np.minimum(ay2, by2) - np.maximum(ay1, by1) + edge
    shared = np.clip(width, 0, None) * np.clip(height, 0, None)
    area_a = (ax2 - ax1 + edge) * (ay2 - ay1 + edge)
    area_b = (bx2 - bx1 + edge) * (by2 - by1 + edge)
    return shared, np.minimum(area_a, area_b) if of_smaller else area_a + area_b - shared


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Return the intersection over union of two boxes `[4]`; 0 where neither has an area."""
    shared, union = shared_and_whole(np.asarray(a, float), np.asarray(b, float))
    return float(shared / union) if union > 0 else 0.0


def suppress(
    boxes: np.ndarray,
    score: np.ndarray,
    limit: float,
    *,
    of_smaller: bool = False,
    edge: float = 0.0,
) -> np.ndarray:
    """Drop each box that overlaps a kept box of a higher score by more than `limit`.

    Args:
        boxes: `[M, 4]` of x1, y1, x2, y2.
        score: `[M]`; of equal scores the first comes first.
        limit: largest overlap of two boxes that are kept.
        of_smaller: measure the overlap by the smaller box instead of the union.
        edge: see `shared_and_whole`.

    Returns:
        Positions of the boxes kept, `[K]` int64, best score first.
    """
    order = np.argsort(-score, kind="stable")
    ranked = boxes[order]
    alive = np.ones(len(order), bool)
    for start in range(0, len(order), _ROWS):
        block = ranked[start : start + _ROWS]
        shared, whole = shared_and_whole(
            block[:, None], ranked[None, start:], of_smaller=of_smaller, edge=edge
        )
        clash = shared > limit * whole  # [block, M - start]; boxes without area clash with none
        for row in range(len(block)):
            rank = start + row
            if alive[rank]:
                alive[rank + 1 :] &= ~clash[row, row + 1 :]
    return order[alive]
