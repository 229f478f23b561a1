"""Name voices across meetings: people enrolled in one are named in another of the same group, by voice alone.

    MRAF_SHARED=../shared python -m benchmarks.meeting_names

A person's voice is the mean of the spans that he or she speaks alone in the first meeting, by its RTTM file, where
these are 2 s or more. A voice of the second meeting of 2 s or more takes the name whose log odds are highest and
above 0, one name a voice; other voices are strangers, as is whoever was not enrolled. The rate is
pyannote.metrics' identification error at collar 0.5 s (0.25 s on either side), with strangers as one name.
"""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import head, machine, row
from benchmarks.meetings import RATE, Recording, Turns, meetings, observe

PAIRS = (("dev00", "dev01"), ("dev01", "dev00"), ("trn07", "trn08"), ("trn08", "trn07"))
SURE_SECONDS = 2.0
STRANGER = "stranger"


def main() -> None:
    """Print a row for each pair of meetings."""
    import torch

    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="pyannote")
    data = Path(os.environ.get("MRAF_SHARED", "../shared")) / "data"
    wanted = {name for pair in PAIRS for name in pair}
    known = {each.name: each for each in meetings(data / "meetings") if each.name in wanted}
    observed, _ = observe(list(known.values()))
    print(machine() + "\n")
    print(
        head("enrolled in", "named in", "people enrolled", "identification error", "of it confused")
    )
    for before, after in PAIRS:
        people = enrolled(known[before], observed[before])
        error, confused = rate(known[after], named(observed[after], people), set(people))
        print(row(before, after, len(people), f"{error:.1%}", f"{confused:.1%}"))


def enrolled(recording: Recording, observed: Any) -> dict[str, np.ndarray]:
    """Return the voices of the people who speak alone for 2 s or more."""
    heard = observed.heard
    owners = [_alone(recording.turns, *span) for span in heard.spans.tolist()]
    people = {}
    for name in {owner for owner in owners if owner}:
        own = np.array([owner == name for owner in owners]) & np.isfinite(heard.vectors).all(axis=1)
        spans = heard.spans[own]
        if not own.any() or spans.max() - spans.min() < SURE_SECONDS:
            continue
        mean = np.sqrt(heard.seconds[own]) @ heard.vectors[own]
        people[name] = mean / np.linalg.norm(mean)
    return people


def named(observed: Any, people: dict[str, np.ndarray]) -> Turns:
    """Return the turns of a meeting with names."""
    from scipy.optimize import linear_sum_assignment

    from mraf.pipeline.timeline.turns.cluster import voices_of
    from mraf.recognition.pairs import Pairs

    found = voices_of([observed])
    names = dict.fromkeys(range(-1, len(found.seconds)), STRANGER)
    if people and len(found.seconds):
        odds = Pairs.of("dlib", "campplus").voice(found.vectors @ np.array([*people.values()]).T)
        odds[found.seconds < SURE_SECONDS] = 0
        for voice, person in zip(*linear_sum_assignment(-np.maximum(odds, 0)), strict=True):
            if odds[voice, person] > 0:
                names[int(voice)] = list(people)[person]
    return [(turn.start, turn.stop, names[turn.voice]) for turn in found.turns]


def rate(recording: Recording, turns: Turns, people: set[str]) -> tuple[float, float]:
    """Return the identification error rate, and the part of it that is a wrong name."""
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.identification import IdentificationErrorRate

    annotations = []
    for some in (recording.turns, turns):
        made = Annotation()
        for i, (start, stop, name) in enumerate(some):
            made[Segment(start, stop), i] = name if name in people else STRANGER
        annotations.append(made)
    whole = Timeline([Segment(0, len(recording.wave) / RATE)])
    found = IdentificationErrorRate(collar=0.5)(*annotations, uem=whole, detailed=True)
    total = max(found["total"], 1e-9)
    return found["identification error rate"], found["confusion"] / total


def _alone(turns: Turns, start: float, stop: float) -> str | None:
    """Return who alone speaks in a span, for nine tenths of it or more; None where nobody does."""
    said: dict[str, float] = {}
    for begin, end, name in turns:
        said[name] = said.get(name, 0.0) + max(0.0, min(end, stop) - max(begin, start))
    best = max(said, key=lambda name: said[name])
    others = sum(said.values()) - said[best]
    return best if said[best] >= 0.9 * (stop - start) and others < 0.1 * (stop - start) else None


if __name__ == "__main__":
    main()
