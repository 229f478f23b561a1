"""Compare what was said of files with what is true of them.

Diarization errors and identification errors are pyannote.metrics'. Its collar is the total width: 0.5 stands for a
quarter of a second on either side of each true boundary.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .truth import Said, Truth

STEP = 0.04
"""Seconds between two looks at the picture."""
OVERLAP = 0.4
"""Least intersection over union with which a box is the true face."""

Box = Sequence[float]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a way says of a file."""

    said: tuple[Said, ...]  # `face` is not looked at
    known: frozenset[str]  # names of people whom it knows; all others are numbers
    # The box of the face of who is heard at a time, as it is shown at a second time (see `faces`), in parts of
    # the picture; None: nobody's.
    face_at: Callable[[float, float], Box | None] | None = None


def _metrics() -> dict[str, Any]:
    from pyannote.metrics.diarization import DiarizationErrorRate
    from pyannote.metrics.identification import IdentificationErrorRate

    return {
        "der": DiarizationErrorRate(),
        "der_collar": DiarizationErrorRate(collar=0.5),
        "der_alone": DiarizationErrorRate(collar=0.5, skip_overlap=True),
        "ier": IdentificationErrorRate(),
        "ier_collar": IdentificationErrorRate(collar=0.5),
    }


@dataclass(kw_only=True)
class Scores:
    """Errors over some files."""

    files: int = 0
    same_count: int = 0
    counts: list[tuple[int, int]] = field(default_factory=list)  # speakers: true, said
    sums: Counter[str] = field(default_factory=Counter)  # s
    metrics: dict[str, Any] = field(default_factory=_metrics)

    def add(self, truth: Truth, answer: Answer) -> None:
        """Count a file."""
        reference, said = annotation(truth.said), annotation(answer.said)
        region = _whole(truth.duration)
        for name in ("der", "der_collar", "der_alone"):
            self.metrics[name](reference, said, uem=region)
        renamed = annotation(with_numbers_mapped(truth, answer))
        for name in ("ier", "ier_collar"):
            self.metrics[name](reference, renamed, uem=region)
        true, found = (len({each.speaker for each in some}) for some in (truth.said, answer.said))
        self.files += 1
        self.same_count += true == found
        self.counts.append((true, found))
        self.sums.update(named(truth, answer))
        if answer.face_at is not None and truth.faces:
            self.sums.update(faces(truth, answer.face_at))

    def row(self) -> dict[str, float]:
        """Return the figures: shares from 0 to 1, NaN where nothing was to be counted."""
        s = self.sums
        return {
            **{name: abs(metric) for name, metric in self.metrics.items()},
            "speakers_right": _share(self.same_count, self.files),
            "enrolled_right": _share(s["enrolled_right"], s["enrolled"]),
            "enrolled_wrong": _share(s["enrolled_wrong"], s["enrolled"]),
            "strangers_named": _share(s["strangers_named"], s["strangers"]),
            "face_right": _share(s["face_right"], s["face_seen"]),
            "face_right_beside": _share(s["face_right_beside"], s["face_seen_beside"]),
            "face_none": _share(s["face_none"], s["face_unseen"]),
        }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def annotation(said: Sequence[Said]) -> Any:
    """Return stretches of speech as pyannote's annotation."""
    from pyannote.core import Annotation, Segment

    found = Annotation()
    for number, each in enumerate(said):
        if each.stop > each.start:
            found[Segment(each.start, each.stop), number] = each.speaker
    return found


def _whole(duration: float) -> Any:
    from pyannote.core import Segment, Timeline

    return Timeline([Segment(0, duration)])


def with_numbers_mapped(truth: Truth, answer: Answer) -> list[Said]:
    """Return what was said with each number in place of the stranger whom it fits best.

    A number that fits no stranger stays; names of people who are known are not touched.
    """
    from pyannote.metrics.diarization import DiarizationErrorRate

    strangers = [each for each in truth.said if each.speaker not in answer.known]
    numbers = [each for each in answer.said if each.speaker not in answer.known]
    fits = DiarizationErrorRate().optimal_mapping(annotation(strangers), annotation(numbers))
    return [
        Said(
            start=each.start,
            stop=each.stop,
            speaker=(
                each.speaker
                if each.speaker in answer.known
                else fits.get(each.speaker, f"nobody: {each.speaker}")
            ),
        )
        for each in answer.said
    ]


def named(truth: Truth, answer: Answer) -> Counter[str]:
    """Return seconds: of enrolled people's speech and how they are named, of strangers' who speak alone."""
    times = np.arange(0, truth.duration, STEP / 4) + STEP / 8
    true = {name: _speaks(truth.said, name, times) for name in {x.speaker for x in truth.said}}
    said = {name: _speaks(answer.said, name, times) for name in {x.speaker for x in answer.said}}
    nobody = np.zeros(len(times), bool)
    alone = np.sum(list(true.values()), axis=0) == 1 if true else nobody
    sums: Counter[str] = Counter()
    for name, speaks in true.items():
        if name in answer.known:
            right = speaks & said.get(name, nobody)
            others = [x for other, x in said.items() if other in answer.known and other != name]
            wrong = speaks & alone & ~right & (np.any(others, axis=0) if others else nobody)
            sums["enrolled"] += int(speaks.sum())
            sums["enrolled_right"] += int(right.sum())
            sums["enrolled_wrong"] += int(wrong.sum())
        else:
            names = [x for other, x in said.items() if other in answer.known]
            speaks = speaks & alone
            sums["strangers"] += int(speaks.sum())
            sums["strangers_named"] += int((speaks & np.any(names, axis=0)).sum() if names else 0)
    return sums


def _speaks(said: Sequence[Said], name: str, times: np.ndarray) -> np.ndarray:
    """Return `[T]` whether somebody speaks at each time."""
    found = np.zeros(len(times), bool)
    for each in said:
        if each.speaker == name:
            found |= (times >= each.start) & (times < each.stop)
    return found


def faces(truth: Truth, face_at: Callable[[float, float], Box | None]) -> Counter[str]:
    """Count the pictures in which one person speaks, and those whose speaking face is right.

    Who speaks is asked for at the time at which it is heard, and the face of that person at the time at which the
    picture shows it: where sound and picture are out of step, the sound's time less the step.
    """
    sums: Counter[str] = Counter()
    for time in np.arange(0, truth.duration, STEP):
        heard = [x for x in truth.said if x.start <= time < x.stop]
        if len({x.speaker for x in heard}) != 1:
            continue
        shown = float(time - truth.step)
        said = face_at(float(time), shown)
        face = heard[0].face
        true = truth.faces[face].at(shown) if face is not None else None
        if true is None:
            sums["face_unseen"] += 1
            sums["face_none"] += said is None
            continue
        right = said is not None and overlap(true, said) >= OVERLAP
        beside = sum(each.at(shown) is not None for each in truth.faces) > 1
        for suffix in ("", "_beside") if beside else ("",):
            sums[f"face_seen{suffix}"] += 1
            sums[f"face_right{suffix}"] += right
    return sums


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, width) * max(0.0, height)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return both / max(1e-9, sum(areas) - both)
