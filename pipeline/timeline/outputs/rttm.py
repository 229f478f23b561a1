"""RTTM, the format of diarization's tools: a line a turn."""

from pathlib import Path

from mraf.pipeline.timeline.timeline import Timeline


def rttm(timeline: Timeline) -> str:
    """Return the turns in RTTM. Fields end at a space: those of names become `_`.

    Two names that become one, as `Ann Lee` and `Ann_Lee`, are told apart by a number.
    """
    names = _without_spaces([person.name for person in timeline.people])
    file = "_".join(Path(timeline.path).stem.split()) or "file"
    lines = [
        f"SPEAKER {file} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> "
        f"{names[turn.speaker]} <NA> <NA>\n"
        for turn in timeline.turns
    ]
    return "".join(lines)


def _without_spaces(names: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in sorted(names, key=lambda each: (len(each.split()) > 1, each)):  # as they are: first
        plain = first = "_".join(name.split()) or "_"
        number = 2
        while plain in found.values():
            plain, number = f"{first}_{number}", number + 1
        found[name] = plain
    return found
