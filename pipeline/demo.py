"""The demo: the commands that take sample videos all the way to names."""

import csv
from collections.abc import Iterator
from pathlib import Path

from pipeline.workspace import Workspace


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

    def clips(self) -> list[str]:
        """Four clips to identify, none of which trained the model.

        One with everything, one whose face cannot be found, one without sound, one in Urdu.
        """
        from mraf.checkpoint import describe

        meta = describe(Workspace.at(self.workspace).model()).meta
        trained = {tuple(name) for name in meta["trained_recordings"]}
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
