"""Labels of Audacity: a line a turn, in seconds."""

from mraf.pipeline.timeline.timeline import Timeline


def audacity(timeline: Timeline) -> str:
    """Return the turns as labels. Tabs and ends of lines in names become spaces."""
    lines = [
        f"{turn.start:.6f}\t{turn.end:.6f}\t{' '.join(turn.speaker.split())}\n"
        for turn in timeline.turns
    ]
    return "".join(lines)
