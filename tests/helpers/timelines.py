"""A timeline for tests: two known people, one of them with an Urdu name, and one unknown."""

from dataclasses import replace
from typing import Any

from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn

ANN, URDU, STRANGER = "Ann Lee", "عائشہ خان", "unknown 1"


def talk(**more: Any) -> Timeline:
    """Return eight seconds of talk, with an overlap and a voice from outside the picture."""
    timeline = Timeline(
        path="",
        duration=8.0,
        people=(
            Person(
                name=ANN,
                unknown=False,
                probability=0.97,
                known=0.99,
                named_by="face and voice",
                seconds=3.0,
                seen_seconds=4.0,
                notes=("Face and voice agree.",),
            ),
            Person(name=URDU, unknown=False, probability=0.8125, named_by="voice", seconds=2.5),
            Person(name=STRANGER, unknown=True, seconds=1.5, seen_seconds=1.0),
        ),
        turns=(
            Turn(start=0.5, end=3.5, speaker=ANN, track=0, overlap=0.5),
            Turn(start=3.0, end=5.5, speaker=URDU, overlap=0.5),
            Turn(start=6.0, end=7.5, speaker=STRANGER, track=1),
        ),
        tracks=(
            Track(
                speaker=ANN,
                times=(0.0, 0.2, 0.4, 4.0),
                boxes=((0.1, 0.2, 0.3, 0.5),) * 2 + ((0.2, 0.2, 0.4, 0.5),) * 2,
            ),
            Track(speaker=STRANGER, times=(6.0, 6.2), boxes=((0.5, 0.25, 0.75, 0.75),) * 2),
            Track(speaker=None, times=(6.0,), boxes=((0.0, 0.0, 0.1, 0.1),)),
        ),
        cuts=(5.75,),
        size=(160, 96),
        notes=("Sound and picture were put in step.",),
    )
    return replace(timeline, **more)


def named(*names: str) -> Timeline:
    """Return a timeline in which each person says one second after the other."""
    return Timeline(
        path="",
        duration=float(len(names)),
        people=tuple(Person(name=name, unknown=False, seconds=1.0) for name in names),
        turns=tuple(
            Turn(start=float(second), end=second + 1.0, speaker=name)
            for second, name in enumerate(names)
        ),
    )
