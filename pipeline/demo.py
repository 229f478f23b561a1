"""The demo: the commands that lead from sample videos to names."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from mraf.pipeline.workspace import Workspace


def run(
    folder: Path,
    *,
    speakers: int,
    command: Callable[[list[str]], int],
    announce: Callable[[str], None] | None = None,
) -> tuple[int, list[dict[str, Any]]]:
    """Run the commands until one fails; return its exit code and the JSON results.

    Args:
        folder: holds the videos and the workspace.
        speakers: number of people to draw.
        command: runs `mraf` with some arguments and returns the exit code.
        announce: called with each command line before the command prints for a person. If None,
            the commands run with `--json` and nothing is printed.
    """
    results = []
    for arguments in commands(folder / "videos", folder / "workspace", speakers):
        line = f"mraf {' '.join(arguments)}"
        if announce:
            announce(line)
            code = command(arguments)
        else:
            with redirect_stdout(io.StringIO()) as printed:
                code = command([*arguments, "--json"])
            results.append({"command": line, "result": json.loads(printed.getvalue())})
        if code:
            return code, results
    return 0, results


def commands(videos: Path, workspace: Path, speakers: int) -> Iterator[list[str]]:
    """Yield the arguments of `mraf`, command after command.

    Two people are kept out of the training. Their clips come afterwards; one of the two is enrolled, and
    the other stays unknown, in the conversation at the end too. Later commands depend on the results of the earlier ones, so each must run
    before the next.
    """
    talk = videos.with_name("conversation.mp4")
    place = ["-w", str(workspace)]
    yield ["sample", str(videos), "--speakers", str(speakers), "--conversation", str(talk)]
    newcomer, stranger = kept_out(videos)
    without = ["--exclude", newcomer, "--exclude", stranger]
    yield ["extract", str(videos), *without, *place]
    yield ["train", "--language", "English", *place]
    yield ["extract", str(videos), *place]
    yield ["evaluate", *place]
    yield ["identify", *clips(videos, workspace), "--top", "3", *place]
    yield ["enrol", newcomer, *complete(videos, newcomer, "English")[:2], *place]
    later = [complete(videos, person, "Urdu")[0] for person in (newcomer, stranger)]
    yield ["identify", *later, "--top", "3", *place]
    yield ["timeline", str(talk), "--out", str(videos.with_name("timelines")), *place]


def kept_out(videos: Path) -> list[str]:
    """Return the two people who do not train."""
    return sorted({row["speaker"] for row in _rows(videos)})[-2:]


def complete(videos: Path, speaker: str, language: str) -> list[str]:
    """Return the paths of a person's clips in a language that have both a face and speech."""
    return [
        str(videos / row["path"])
        for row in _rows(videos)
        if (row["speaker"], row["language"]) == (speaker, language)
        and (row["face"], row["sound"]) == ("seen", "speech")
    ]


def clips(videos: Path, workspace: Path) -> list[str]:
    """Return the paths of three clips whose recordings did not train the model, which knows the people.

    One has face and voice, one lacks the face, one lacks the sound. They are of three people, where
    there are such clips, and in Urdu: all of the English ones trained.
    """
    from mraf.checkpoint import describe, load_trained

    described = describe(Workspace.at(workspace).model())
    trained = load_trained(described).recordings
    rows = [
        row
        for row in _rows(videos)
        if row["speaker"] in described.labels
        and (row["speaker"], row["language"], row["recording"]) not in trained
    ]
    kinds = [
        [r for r in rows if r["face"] == "seen" and r["sound"] == "speech"],
        [r for r in rows if r["face"] != "seen" and r["sound"] == "speech"],
        [r for r in rows if r["face"] == "seen" and r["sound"] == "none"],
    ]
    chosen: dict[int, dict[str, str]] = {}
    # The kind with the fewest clips chooses first, so that a person is left for each of the others.
    for number, kind in sorted(enumerate(kinds), key=lambda each: len(each[1])):
        people = {row["speaker"] for row in chosen.values()}
        others = [row for row in kind if row["speaker"] not in people]
        if kind:
            chosen[number] = (others or kind)[0]
    return [str(videos / chosen[number]["path"]) for number in sorted(chosen)]


def _rows(videos: Path) -> list[dict[str, str]]:
    """Return the rows of the list of sample clips."""
    with (videos / "sample.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
