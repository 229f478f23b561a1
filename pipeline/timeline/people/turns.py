"""The turns of people: those of their voices, and the face that is seen speaking in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mraf.extractors.streaming.slices import TICKS
from mraf.pipeline.timeline.linking.evidence import MOST, SLOPE, Turns, tracks_during
from mraf.pipeline.timeline.linking.links import units
from mraf.pipeline.timeline.seen.seen import SeenFile
from mraf.pipeline.timeline.seen.tracks import WholeTrack, ticks_of, unit_mean
from mraf.pipeline.timeline.spans import overlaps as spans_overlap

TOUCH_SECONDS = 0.1
"""Time between two turns of one person that are one turn."""
CLOSED = -2.0
"""Log odds of the lips in a turn below which somebody who is seen is not seen speaking, as on a photograph."""


PASSING_SHARE = 0.3
"""Share of a turn below which somebody is seen in passing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Spoken:
    """A turn of a person."""

    start: float
    stop: float
    person: int
    vectors: np.ndarray  # [M, D] of the turns of which it is made
    seconds: np.ndarray  # [M]

    @property
    def voice(self) -> np.ndarray | None:
        """[D] unit length, mean; None where there is none."""
        return unit_mean(self.vectors, self.seconds.clip(0.1))


def spoken(turns: Turns, person: np.ndarray) -> list[Spoken]:
    """Return the turns of people in the order of time; those of one person that touch are one.

    Args:
        turns: N of them.
        person: [N], whose each is, below 0 nobody's.
    """
    found: list[Spoken] = []
    last: dict[int, int] = {}
    for i in np.lexsort((turns.stop, turns.start)).tolist():
        each = int(person[i])
        if each < 0:
            continue
        new = Spoken(
            start=float(turns.start[i]),
            stop=float(turns.stop[i]),
            person=each,
            vectors=turns.vectors[i : i + 1],
            seconds=turns.seconds[i : i + 1],
        )
        at = last.get(each)
        if at is not None and new.start - found[at].stop <= TOUCH_SECONDS:
            found[at] = _both(found[at], new)
        else:
            last[each] = len(found)
            found.append(new)
    return found


def overlaps(turns: Sequence[Spoken]) -> list[float]:
    """Return the seconds of each turn in which somebody else speaks too."""
    spans = [(turn.start, turn.stop) for turn in turns]
    return spans_overlap(spans, [turn.person for turn in turns])


def speaking_tracks(
    turns: Sequence[Spoken],
    seen: SeenFile,
    person: np.ndarray,
    *,
    visible: Sequence[bool],
    by_lips: bool,
) -> list[int | None]:
    """Return the face track that is seen speaking in each turn; None where none is.

    Args:
        turns: of the file, in the order of time, as they are heard.
        seen: the T face tracks, and by how much the sound comes later.
        person: [T], whose each is.
        visible: of each person, whether it is known that face and voice are theirs.
        by_lips: False where no face of the file is ever seen speaking, so that closed lips say nothing.
    """
    start, stop = (
        np.array([each - seen.late for each in times])
        for times in ([turn.start for turn in turns], [turn.stop for turn in turns])
    )
    found: list[int | None] = []
    near = tracks_during(start, stop, seen.tracks)
    for turn, tracks, *span in zip(turns, near, start.tolist(), stop.tolist(), strict=True):
        own = [j for j in tracks if person[j] == turn.person] if visible[turn.person] else []
        if by_lips:
            own = [j for j in own if not _closed(seen.tracks[j], span[0], span[1])]
        own.sort(key=lambda j: _shared(seen.tracks[j], span[0], span[1]), reverse=True)
        found.append(own[0] if own else None)
    return found


def _closed(track: WholeTrack, start: float, stop: float) -> bool:
    """Return whether lips stay closed from `start` to `stop` s of the picture."""
    scores = track.scores_at(ticks_of(start, stop))
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return False
    odds = float(np.clip(SLOPE * scores.mean(), -MOST, MOST))
    # Somebody who comes into the picture as the turn ends must be seen to speak.
    passing = _shared(track, start, stop) < PASSING_SHARE * (stop - start)
    least = 0.0 if passing else CLOSED
    return odds * float(units(np.array(len(scores) / TICKS))) < least


def _shared(track: WholeTrack, start: float, stop: float) -> float:
    return min(stop, track.stop) - max(start, track.start)


def _both(one: Spoken, two: Spoken) -> Spoken:
    return Spoken(
        start=one.start,
        stop=max(one.stop, two.stop),
        person=one.person,
        vectors=np.concatenate([one.vectors, two.vectors]),
        seconds=np.concatenate([one.seconds, two.seconds]),
    )
