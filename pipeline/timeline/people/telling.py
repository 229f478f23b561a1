"""Notes on a timeline, for people: what they should know of it before trusting it."""

import numpy as np

from mraf.pipeline.timeline.linking.linked import Linked
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.seen.seen import SeenFile

LITTLE_SECONDS = 1.0
"""Speech of nobody that can be told which need not be told of."""
LOOKED_SECONDS = 10.0
"""Time for which lips must be looked at for it to be told that none is seen speaking."""


def notes_of(seen: SeenFile, found: Linked, *, lips: bool, count: SpeakerCount) -> tuple[str, ...]:
    """Return the notes on who is heard and seen in a file; `lips` is False where LR-ASD is not there.

    `count` is the number of voices that somebody asked for.
    """
    turns = found.speech.turns
    faces = bool((found.group >= 0).any())
    notes: list[str] = []
    if seen.late:
        order = "after" if seen.late > 0 else "before"
        notes.append(
            f"the sound comes {abs(seen.late):.2f} s {order} the picture; they were put in step to see who speaks"
        )
    if len(turns) and faces and not lips:
        notes.append(
            "who is seen speaking is told by when people are seen and heard, and by names: the weights of "
            "LR-ASD, which looks at lips, are not here (`mraf weights get lr-asd`)"
        )
    if len(turns) and faces and lips and not found.links.by_lips and _looked(seen) > LOOKED_SECONDS:
        notes.append(
            "nobody is seen speaking: faces may be drawn or still, or all voices come from outside the picture; "
            "voices have faces only by when people are seen and heard, and by names"
        )
    untold = float(turns.length[turns.voice < 0].sum())
    if untold >= LITTLE_SECONDS:
        notes.append(f"{untold:.0f} s of speech are of nobody that can be told, and left out")
    told, asked = int(found.speech.present.sum()), count.speakers or count.least
    if told and told < asked:
        notes.append(f"{asked} people who speak were asked for; {told} can be told apart")
    if not len(turns) and not seen.tracks:
        notes.append("nobody is heard, and nobody is seen")
    return tuple(notes)


def _looked(seen: SeenFile) -> float:
    from mraf.extractors.streaming.slices import TICKS

    return sum(int(np.isfinite(track.scores).sum()) for track in seen.tracks) / TICKS
