"""The demo: the commands that take sample videos all the way to names."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from mraf.pipeline.workspace import Workspace


class Demo:
    """The commands of the demo, each made when the one before it is done.

    Args:
        folder: holds the videos and the workspace.
        speakers: how many people to draw.
    """

    def __init__(self, folder: Path, speakers: int) -> None:
        self.videos, self.workspace = folder / "videos", folder / "workspace"
        self.speakers = speakers

    def commands(self) -> Iterator[list[str]]:
        """Arguments of `mraf`, command after command."""
        there = ["-w", str(self.workspace)]
        yield ["sample", str(self.videos), "--speakers", str(self.speakers)]
        yield ["extract", str(self.videos), *there]
        yield ["train", "--language", "English", *there]
        yield ["evaluate", *there]
        yield ["identify", *self.clips(), "--top", "3", *there]

    def run(
        self, command: Callable[[list[str]], int], announce: Callable[[str], None] | None
    ) -> tuple[int, list[dict[str, Any]]]:
        """Run the commands until one fails: its exit code, and what each printed as JSON.

        Args:
            command: runs arguments of `mraf` and returns the exit code.
            announce: told each command line before it prints for a person; None for JSON.
        """
        results = []
        for arguments in self.commands():
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

    def clips(self) -> list[str]:
        """Four clips to identify, none of which trained the model.

        One with everything, one whose face cannot be found, one without sound, one in Urdu.
        """
        from mraf.checkpoint import describe, load_trained

        trained = load_trained(describe(Workspace.at(self.workspace).model())).recordings
        with (self.videos / "sample.csv").open(encoding="utf-8", newline="") as file:
            rows = [
                row
                for row in csv.DictReader(file)
                if (row["speaker"], row["language"], row["recording"]) not in trained
            ]
        wanted = [
            [r for r in rows if r["face"] == "seen" and r["sound"] == "speech"],
            [r for r in rows if r["face"] != "seen"],
            [r for r in rows if r["sound"] == "none"],
            [r for r in reversed(rows) if r["language"] == "Urdu" and r["face"] == "seen"],
        ]
        paths = [str(self.videos / kind[0]["path"]) for kind in wanted if kind]
        return list(dict.fromkeys(paths))
