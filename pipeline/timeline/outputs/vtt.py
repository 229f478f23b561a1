"""WebVTT: subtitles of browsers, with the voice of each cue."""

from mraf.pipeline.timeline.outputs.cues import clock, cues_of_turns
from mraf.pipeline.timeline.timeline import Timeline


def vtt(timeline: Timeline) -> str:
    """Return the turns in WebVTT: `<v Name>` for programs, and the name as the text that is shown."""
    parts = ["WEBVTT\n"]
    for cue in cues_of_turns(timeline):
        name = _escaped(cue.names[0])
        voice = f"{name} " if name.endswith("-") else name  # "-->" would be the mark of times
        parts.append(f"{clock(cue.start, '.')} --> {clock(cue.end, '.')}\n<v {voice}>{name}</v>\n")
    return "\n".join(parts)


def _escaped(name: str) -> str:
    name = " ".join(name.split())  # a line without text ends a cue
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
