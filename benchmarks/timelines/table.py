"""A table of ways to make timelines, with the bars that are set."""

import math
from dataclasses import dataclass, field

from .scores import Answer, Scores
from .truth import Truth

TITLES = {
    "der": "DER 0",
    "der_collar": "DER 0.25 s",
    "der_alone": "DER 0.25 s, no overlap",
    "ier": "names 0",
    "ier_collar": "names 0.25 s",
    "speakers_right": "count",
    "enrolled_right": "known right",
    "enrolled_wrong": "known wrong",
    "strangers_named": "strangers named",
    "face_right": "face",
    "face_right_beside": "face, beside",
    "face_none": "face, none",
}
COMPOSED = {
    "der": 5.0,
    "der_collar": 5.0,
    "ier": 5.0,
    "ier_collar": 5.0,
    "enrolled_right": 95.0,
    "strangers_named": 2.0,
    "face_right": 95.0,
    "face_right_beside": 95.0,
}
"""Bars of composed videos in %; no collar is set for those of DER and names, so that both are shown."""
MEETINGS = {"der_collar": 22.0, "der_alone": 9.0}
"""Bars of meetings in %."""
AT_LEAST = ("speakers_right", "enrolled_right", "face_right", "face_right_beside", "face_none")
"""Figures that are the better the higher they are."""


@dataclass(kw_only=True)
class Result:
    """What a way came to in some files."""

    scores: Scores = field(default_factory=Scores)
    media: float = 0.0  # s
    took: float = 0.0

    def add(self, truth: Truth, answer: Answer, took: float) -> None:
        """Count a file that took so many seconds."""
        self.scores.add(truth, answer)
        self.media += truth.duration
        self.took += took

    def cells(self) -> list[str]:
        """Return the figures in %, and how many seconds of the files are done in one."""
        found = self.scores.row()
        cells = ["" if math.isnan(found[each]) else f"{100 * found[each]:.1f}" for each in TITLES]
        right, files = self.scores.same_count, self.scores.files
        count = f"{right} of {files}"
        if files == 1:
            true, said = self.scores.counts[0]
            count = f"{said} for {true}"
        cells[list(TITLES).index("speakers_right")] = count
        return [*cells, f"{self.media / self.took:.2f}" if self.took else ""]


def bars(set_: dict[str, float]) -> list[str]:
    """Return the bars, a cell for each figure."""
    return [*(_bar(each, set_[each]) if each in set_ else "" for each in TITLES), ""]


def met(result: Result, set_: dict[str, float]) -> list[str]:
    """Return whether each bar is met by the figures as they are, not as they are rounded."""
    found = result.scores.row()
    cells = [_met(each, 100 * found[each], set_[each]) if each in set_ else "" for each in TITLES]
    return [*cells, ""]


def _bar(name: str, bar: float) -> str:
    return f"{'at least' if name in AT_LEAST else 'at most'} {bar:g}"


def _met(name: str, figure: float, bar: float) -> str:
    if math.isnan(figure):
        return "not measured"
    return "met" if (figure >= bar if name in AT_LEAST else figure <= bar) else "**not met**"
