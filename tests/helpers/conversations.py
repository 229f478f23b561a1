"""Timelines that are written down, not measured."""

from dataclasses import replace

from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn


def person(name: str, **more) -> Person:
    unknown = name.startswith("unknown ")
    named = {} if unknown else {"probability": 0.99, "known": 0.98, "named_by": "face and voice"}
    return Person(name=name, unknown=unknown, **{**named, **more})


def track(speaker: str | None, start: float, end: float) -> Track:
    """A face in the middle, five times a second."""
    times = tuple(round(start + i / 5, 3) for i in range(round((end - start) * 5) + 1))
    return Track(speaker=speaker, times=times, boxes=((0.4, 0.2, 0.6, 0.6),) * len(times))


def conversation(path: str = "talk.mp4", **more) -> Timeline:
    """A minute: Ann and two strangers, of whom the second interrupts the first and is not seen."""
    turns = (
        Turn(start=0.0, end=10.0, speaker="Ann", track=0),
        Turn(start=10.5, end=25.0, speaker="unknown 1", overlap=1.0, track=1),
        Turn(start=24.0, end=30.0, speaker="unknown 2", overlap=1.0),
        Turn(start=30.0, end=50.0, speaker="Ann", track=2),
        Turn(start=52.0, end=60.0, speaker="unknown 1", track=3),
    )
    people = (
        person("Ann", seconds=30.0, seen_seconds=32.0),
        person("unknown 1", seconds=22.5, seen_seconds=22.4, picture="aGVsbG8="),
        person("unknown 2", seconds=6.0),
    )
    tracks = (
        track("Ann", 0.0, 10.0),
        track("unknown 1", 10.4, 25.0),
        track("Ann", 28.0, 50.0),
        track("unknown 1", 52.0, 59.8),
        track(None, 5.0, 6.0),
    )
    found = {
        "path": path, "duration": 60.0, "people": people, "turns": turns, "tracks": tracks,
        "cuts": (10.4, 28.0), "size": (640, 360),
    }  # fmt: skip
    found |= more
    if not found["tracks"]:
        found["turns"] = tuple(replace(turn, track=None) for turn in found["turns"])
    return Timeline(**found)
