"""Say who speaks when and who is seen, in composed videos and meetings, beside a plain way.

    python benchmarks/timeline.py [COMPOSED...] [--meetings MEETINGS] [--files] [--no-plain] [--keep FOLDER]

COMPOSED are videos of `compose.py`, each with its truth beside it: the people of the truth are enrolled from their
clips into a new workspace, and `mraf.timeline` reads the video. Videos of one kind, by their names without the
number at the end, are a row; the last rows are of all of them. MEETINGS holds sound files with an RTTM file each:
the people of dev00 are enrolled from the parts in which they speak alone and named in dev01, those of trn07 in trn08;
all files count for who speaks when. The plain way (`plain_timeline.py`) does the same with the same files in the same
process; in meetings it is shown with the segmentation's speech too, as silero hears little of them.

Errors, in %, over all files of a row, each as long as the file:
- DER: diarization error with a collar of 0, overlap scored; with a quarter of a second on either side of each true
  boundary left out; and that without overlap;
- names: identification error with these collars, each number mapped to the stranger whom it fits best;
- count: files in which the number of speakers is right;
- known right, known wrong: share of the enrolled people's speech that has their name, or another enrolled name alone;
- strangers named: share of the strangers' speech, where they speak alone, that has an enrolled name;
- face: pictures in which one person speaks and is seen: the face that is said to speak is the right one; the same where
  somebody else is seen too (beside); pictures in which the one who speaks is not seen: no face is said to (none).

The speed is the length of the media over the time it took, enrolment not counted. That of `mraf timeline` holds
loading its networks for each file, the plain way's does not.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from common import head, machine, row
from timelines.meetings import meetings
from timelines.scores import Answer, Box
from timelines.table import COMPOSED, MEETINGS, TITLES, Result, bars, met
from timelines.truth import Said, Truth, read_truth

Way = Callable[[Path, Truth, Path | None], tuple[Answer, float]]
"""From a file, its truth and a folder to keep outputs in: the answer, and the seconds that it took."""


def main() -> None:
    """Print a table for each set of files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("composed", type=Path, nargs="*")
    parser.add_argument("--meetings", type=Path)
    parser.add_argument("--files", action="store_true", help="a row for each file too")
    parser.add_argument("--no-plain", action="store_true")
    parser.add_argument("--keep", type=Path, help="folder for the outputs, to look at")
    arguments = parser.parse_args()
    print(machine())
    ways: dict[str, Way] = {"mraf timeline": ours}
    if not arguments.no_plain:
        ways["plain"] = plainly
    common: dict[str, Any] = {"keep": arguments.keep, "files_too": arguments.files}
    if arguments.composed:
        some = [(each, read_truth(each.with_suffix(".json"))) for each in arguments.composed]
        measured("composed videos", some, ways, COMPOSED, kind=kind_of, **common)
    if arguments.meetings:
        if not arguments.no_plain:
            ways["plain, the segmentation's speech"] = partial(plainly, segmentation=True)
        with tempfile.TemporaryDirectory() as folder:
            some = list(meetings(arguments.meetings, Path(folder)))
            measured("meetings", some, ways, MEETINGS, kind=lambda path: path.stem, **common)


def kind_of(path: Path) -> str:
    """Return the kind of a composed video: its name without the number at the end."""
    return re.sub(r"-\d+$", "", path.stem)


def measured(
    title: str,
    files: list[tuple[Path, Truth]],
    ways: dict[str, Way],
    set_: dict[str, float],
    *,
    kind: Callable[[Path], str],
    keep: Path | None,
    files_too: bool,
) -> None:
    """Run all ways over some files, and print a table."""
    seconds = sum(truth.duration for _, truth in files)
    print(f"\n{title}: {len(files)} files, {seconds:.0f} s; speed in s of media a second\n")
    print(head("", "", *TITLES.values(), "speed"))
    kinds: dict[str, list[tuple[Path, Truth]]] = {}
    for path, truth in files:
        kinds.setdefault(kind(path), []).append((path, truth))
    whole = {name: Result() for name in ways}
    for each, some in kinds.items():
        own = {name: Result() for name in ways}
        for path, truth in some:
            for name, way in ways.items():
                answer, took = way(path, truth, keep)
                one = Result()
                for result in (one, own[name], whole[name]):
                    result.add(truth, answer, took)
                if files_too and len(some) > 1:
                    print(row(path.stem, name, *one.cells()), flush=True)
        length = sum(truth.duration for _, truth in some)
        label = f"{each} ({len(some)}, {length:.0f} s)" if len(some) > 1 else each
        for name, result in own.items():
            print(row(label, name, *result.cells()), flush=True)
    for name, result in whole.items():
        print(row("**all**", f"**{name}**", *result.cells()))
    print(row("bar", "", *bars(set_)))
    print(row("", "mraf timeline", *met(whole["mraf timeline"], set_)), flush=True)


def ours(path: Path, truth: Truth, keep: Path | None) -> tuple[Answer, float]:
    """Enrol people into a new workspace and run `mraf.timeline`; return the answer, and its seconds."""
    import mraf
    from mraf.errors import MrafError

    with tempfile.TemporaryDirectory() as folder:
        space = Path(folder) / "workspace"
        for name, clips in truth.enrol.items():
            try:
                mraf.enrol(name, clips, workspace=space, yes=True)
            except MrafError as error:  # too little speech: never named, which counts
                print(f"\n{error}\n", file=sys.stderr)
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

    def face_at(heard: float, shown: float) -> Box | None:
        speaking = [face.box for face in moments.faces(shown, heard) if face.speaks]
        return speaking[-1] if speaking else None

    said = tuple(
        Said(start=turn.start, stop=turn.end, speaker=turn.speaker) for turn in found.turns
    )
    return Answer(said=said, known=known, face_at=face_at)


def plainly(
    path: Path, truth: Truth, keep: Path | None, *, segmentation: bool = False
) -> tuple[Answer, float]:
    """Do the same the plain way, with silero's speech or the segmentation's."""
    from plain_timeline import Plain, by_segmentation

    plain = Plain(by_segmentation() if segmentation else None)
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


if __name__ == "__main__":
    main()
