"""SRT: subtitles that every player reads."""

from mraf.pipeline.timeline.outputs.cues import clock, cues_in_a_row
from mraf.pipeline.timeline.timeline import Timeline


def srt(timeline: Timeline) -> str:
    """Return who speaks in SRT; where several do, a line for each: its cues must not overlap."""
    parts = [
        f"{number}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n"
        + "".join(f"{_plain(name)}\n" for name in cue.names)
        for number, cue in enumerate(cues_in_a_row(timeline), 1)
    ]
    return "\n".join(parts)


def _plain(name: str) -> str:
    # Players take <i> and {\an8} for commands, and --> for times.
    plain = " ".join(name.split()).replace("-->", "→")
    return plain.translate(str.maketrans("<>{}", "‹›()"))
