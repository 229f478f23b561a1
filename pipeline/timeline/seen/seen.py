"""Everybody who is seen in a file: face tracks, whose they are, and when their lips speak."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mraf.extractors.streaming.parts import Observed
from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.seen.grouping import Odds, at_once, grouped
from mraf.pipeline.timeline.seen.scoring import Scorer, Step, Synchrony, scores_of, with_sound
from mraf.pipeline.timeline.seen.stitching import Stitcher
from mraf.pipeline.timeline.seen.tracks import Piece, WholeTrack


@dataclass(frozen=True, eq=False, kw_only=True)
class SeenFile:
    """The face tracks of a whole file."""

    tracks: tuple[WholeTrack, ...]  # in the order in which they begin
    group: np.ndarray  # [N], the person of each, from 0; -1: too little is seen
    apart: np.ndarray  # [P, 2], pairs of tracks that are two people's, as they are seen at once
    cuts: tuple[float, ...]  # s
    size: tuple[int, int] | None  # width and height in pixels; None without a picture
    late: float  # s by which the sound comes after the picture


def seen_in(
    parts: Iterable[Observed], scorer: Scorer | None, odds: Odds, step: Step | None = None
) -> SeenFile:
    """Return who is seen in a file.

    Args:
        parts: of the file, which are read twice, one after another; three at most are held at once.
        scorer: of lips; None where there is none.
        odds: log odds that two faces are one person's, of cosines.
        step: tells how sound and picture are out of step, see `Synchrony`.
    """
    shift, tried = _shift(parts, scorer, step)
    stitcher = Stitcher(odds)
    size: tuple[int, int] | None = None
    for part, sound in with_sound(parts):
        tracks = part.seen.tracks if part.seen else ()
        known = tried.pop(part.start, []) if shift == 0 else []
        known += [scores_of(track, sound, scorer, shift) for track in tracks[len(known) :]]
        pieces = [
            Piece(track=track, scores=scores) for track, scores in zip(tracks, known, strict=True)
        ]
        stitcher.add(part.start, part.stop, part.seen, pieces)
        if part.seen and part.seen.width and part.seen.height:
            size = size or (part.seen.width, part.seen.height)
    found = tuple(stitcher.finish())
    cuts = tuple(sorted(set(stitcher.cuts)))
    return SeenFile(
        tracks=found,
        group=grouped(found, odds, cuts),
        apart=at_once(found),
        cuts=cuts,
        size=size,
        late=shift / TICKS,
    )


def _shift(
    parts: Iterable[Observed], scorer: Scorer | None, step: Step | None
) -> tuple[int, dict[float, list[np.ndarray]]]:
    """Return the ticks by which the sound comes late, and the scores that were made to find that.

    These are those of the first tracks of parts, by their start, with the sound in step.
    """
    synchrony = Synchrony(scorer, step)
    tried: dict[float, list[np.ndarray]] = {}
    for part, sound in with_sound(parts):
        for track in part.seen.tracks if part.seen else ():
            if synchrony.enough:
                return synchrony.shift, tried
            tried.setdefault(part.start, []).append(synchrony.add(track, sound))
    return synchrony.shift, tried
