"""Say who speaks when and who is seen, in composed videos and meetings, beside a plain way.

    python benchmarks/timeline.py [COMPOSED...] [--meetings MEETINGS] [--no-plain] [--keep FOLDER]

COMPOSED are videos of `compose.py`, each with its truth beside it: the people of the truth are enrolled from their
clips into a new workspace, and `mraf.timeline` reads the video. MEETINGS holds sound files with an RTTM file each:
the people of dev00 are enrolled from the parts in which they speak alone and named in dev01, those of trn07 in trn08;
all files count for who speaks when. The plain way (`plain_timeline.py`) does the same in the same process.

Errors, in %, over all files of a set, each as long as the file:
- DER: diarization error with a collar of 0, overlap scored; with a quarter of a second on either side of each true
  boundary left out; and that without overlap;
- names: identification error, each number mapped to the stranger whom it fits best;
- count: files in which the number of speakers is right;
- known right, known wrong: share of the enrolled people's speech that has their name, or another enrolled name alone;
- strangers named: share of the strangers' speech, where they speak alone, that has an enrolled name;
- face: pictures in which one person speaks and is seen: the face that is said to speak is the right one; the same where
  somebody else is seen too (beside); pictures in which the one who speaks is not seen: no face is said to (none).

The speed is the length of the media over the time it took, enrolment not counted.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import head, machine, row
from timelines.clips import sound
from timelines.scores import Answer, Box, Scores
from timelines.truth import Said, Truth, read_rttm, read_truth

PAIRS = {"dev01": "dev00", "trn08": "trn07"}
"""Meetings, and those from which their people are enrolled."""
SHORTEST = 1.0
"""Seconds of a stretch of speech from which somebody is enrolled, at least."""
TITLES = {
    "der": "DER 0",
    "der_collar": "DER 0.25 s",
    "der_alone": "DER 0.25 s, no overlap",
    "ier": "names",
    "speakers_right": "count",
    "enrolled_right": "known right",
    "enrolled_wrong": "known wrong",
    "strangers_named": "strangers named",
    "face_right": "face",
    "face_right_beside": "face, beside",
    "face_none": "face, none",
}


@dataclass(kw_only=True)
class Way:
    """A way to make timelines, and what it came to in a set of files."""

    title: str
    scores: Scores
    media: float = 0.0  # s
    took: float = 0.0


def main() -> None:
    """Print a table for each set of files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("composed", type=Path, nargs="*")
    parser.add_argument("--meetings", type=Path)
    parser.add_argument("--no-plain", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the outputs, to look at")
    arguments = parser.parse_args()
    print(machine())
    plain = not arguments.no_plain
    if arguments.composed:
        files = [(each, read_truth(each.with_suffix(".json"))) for each in arguments.composed]
        measured("composed videos", files, plain=plain, keep=arguments.keep)
    if arguments.meetings:
        with tempfile.TemporaryDirectory() as folder:
            files = list(meetings(arguments.meetings, Path(folder)))
            measured("meetings", files, plain=plain, keep=arguments.keep)


def measured(
    title: str, files: list[tuple[Path, Truth]], *, plain: bool, keep: Path | None
) -> None:
    """Run both ways over some files, and print a table."""
    ways = [Way(title="mraf timeline", scores=Scores())]
    if plain:
        ways.append(Way(title="plain", scores=Scores()))
    print(f"\n{title}: {len(files)} files, {sum(t.duration for _, t in files):.0f} s\n", flush=True)
    print(head("", *TITLES.values(), "speed"))
    for path, truth in files:
        for way, answered in zip(ways, (ours, plainly), strict=False):
            answer, seconds = answered(path, truth, keep)
            way.media, way.took = way.media + truth.duration, way.took + seconds
            way.scores.add(truth, answer)
            one = Scores()
            one.add(truth, answer)
            print(_line(f"{way.title}, {path.stem}", one, truth.duration / seconds), flush=True)
    for way in ways:
        print(_line(f"**{way.title}**", way.scores, way.media / way.took), flush=True)


def _line(title: str, scores: Scores, speed: float) -> str:
    found = scores.row()
    cells = ["" if np.isnan(found[each]) else f"{100 * found[each]:.1f}" for each in TITLES]
    if len(scores.counts) == 1:
        true, said = scores.counts[0]
        cells[list(TITLES).index("speakers_right")] = f"{said} for {true}"
    return row(title, *cells, f"{speed:.2f}")


def ours(path: Path, truth: Truth, keep: Path | None) -> tuple[Answer, float]:
    """Enrol people into a new workspace and run `mraf.timeline`; return the answer, and its seconds."""
    import mraf

    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "workspace"
        for name, clips in truth.enrol.items():
            report = mraf.enrol(name, clips, workspace=space, yes=True)
            for refused in report.refused:
                print(f"  not enrolled: {refused}")
        started = time.monotonic()
        out = keep or Path(folder) / "out"
        found = mraf.timeline(path, workspace=space, out=out, formats=["json"])[0]
        seconds = time.monotonic() - started
    if found.error:
        raise SystemExit(f"{path}: {found.error}")
    return answer_of(found, frozenset(truth.enrol)), seconds


def answer_of(found: Any, known: frozenset[str]) -> Answer:
    """Return a timeline as an answer."""
    from mraf.pipeline.timeline.outputs.annotated.moments import Moments

    moments = Moments(found)

    def face_at(at: float) -> Box | None:
        speaking = [face.box for face in moments.faces(at) if face.speaks]
        return speaking[-1] if speaking else None

    said = tuple(
        Said(start=turn.start, stop=turn.end, speaker=turn.speaker) for turn in found.turns
    )
    return Answer(said=said, known=known, face_at=face_at)


def plainly(path: Path, truth: Truth, keep: Path | None) -> tuple[Answer, float]:
    """Do the same the plain way."""
    from plain_timeline import Plain

    plain = Plain()
    for name, clips in truth.enrol.items():
        plain.enrol(name, [Path(clip) for clip in clips])
    started = time.monotonic()
    answer = plain.answer(path)
    seconds = time.monotonic() - started
    if keep:
        said = [(each.start, each.stop, each.speaker) for each in answer.said]
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{path.stem}.plain.json").write_text(json.dumps(said, indent=1))
    return answer, seconds


def meetings(folder: Path, temporary: Path) -> Iterator[tuple[Path, Truth]]:
    """Yield meetings with their truth; some have people to enrol, from parts of another meeting."""
    for path in sorted(folder.glob("*.flac")):
        said = read_rttm(path.with_suffix(".rttm"))
        other = PAIRS.get(path.stem)
        enrol = parts(folder / f"{other}.flac", temporary) if other else {}
        people = {each.speaker for each in said}
        yield (
            path,
            Truth(
                duration=len(sound(path)) / 16_000,
                said=said,
                enrol=enrol,
                strangers=tuple(sorted(people - set(enrol))),
            ),
        )


def parts(path: Path, folder: Path) -> dict[str, tuple[str, ...]]:
    """Write the parts of a meeting in which somebody speaks alone; return them by speaker."""
    import wave as waves

    samples, said = sound(path), read_rttm(path.with_suffix(".rttm"))
    found: dict[str, list[str]] = {}
    for each in said:
        for start, stop in alone(each, said):
            if stop - start >= SHORTEST:
                files = found.setdefault(each.speaker, [])
                file = folder / f"{path.stem}-{each.speaker}-{len(files)}.wav"
                with waves.open(str(file), "wb") as out:
                    out.setnchannels(1)
                    out.setsampwidth(2)
                    out.setframerate(16_000)
                    piece = samples[round(start * 16_000) : round(stop * 16_000)]
                    out.writeframes((piece * 32767).astype("<i2").tobytes())
                files.append(str(file))
    return {name: tuple(files) for name, files in found.items()}


def alone(one: Said, said: tuple[Said, ...]) -> list[tuple[float, float]]:
    """Return the parts of a stretch of speech in which nobody else speaks."""
    spans = [(one.start, one.stop)]
    for other in said:
        if other.speaker != one.speaker:
            spans = [
                piece
                for start, stop in spans
                for piece in ((start, min(stop, other.start)), (max(start, other.stop), stop))
                if piece[0] < piece[1]
            ]
    return spans


if __name__ == "__main__":
    main()
