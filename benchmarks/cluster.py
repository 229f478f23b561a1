"""Groups of clips by person, with faces and voices, and with either of them alone.

    python benchmarks/cluster.py -w WORKSPACE [--language English] [--clips 2000]

Every clip of WORKSPACE has a speaker's name, which `mraf.recognition.clusters` is not shown. In each draw the
people are split at random into two halves: the clips of one are grouped, and those of the other say at
which cut they would best be. The three rows are average linkage by voices alone, by faces alone (as
the log odds of one modality are linear in its cosine, this is the usual average linkage of cosines, but for
the bound of the odds), and by both. "hidden": 30 % of the clips lose their face, 10 % their voice, none both.

F1 is of pairs of clips: one of two that are put together is right where both are of one person. A clip that
has nothing to compare is a group of its own. Groups are those of two clips and more.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from common import head, machine, row

from mraf.data.table.labels import FeatureLabels
from mraf.pipeline.people.archive.opened import OpenTable
from mraf.pipeline.workspace import Workspace
from mraf.recognition.clusters import CUT, Looks, grouped
from mraf.recognition.pairs import Pairs

CUTS = (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
FACELESS, VOICELESS = 0.3, 0.1


class Figures(NamedTuple):
    """What comes of one grouping."""

    f1: float
    precision: float
    recall: float
    groups: int


class Clips(NamedTuple):
    """The clips of a workspace that are grouped."""

    looks: Looks  # of N clips
    speaker: np.ndarray  # [N], the index of each one's person
    people: int
    pairs: Pairs


class Drawn(NamedTuple):
    """The grouping of one draw: at the cut that is built in, at that of the other half, and the truth."""

    built_in: Figures
    chosen: Figures
    people: int


def main() -> None:
    """Print a table."""
    arguments = _arguments()
    table = OpenTable.of(Workspace.at(arguments.workspace))
    labels = table.labels
    index = _wanted(labels, arguments.prefix, arguments.language)
    people, speaker = np.unique([str(labels.speaker[i]) for i in index], return_inverse=True)
    clips = Clips(table.looks(index), speaker, len(people), table.pairs)
    print(f"{machine()}\n{len(index)} clips of {len(people)} people, {arguments.draws} draws\n")
    print(_head())
    for hidden in (False, True):
        found: dict[str, list[Drawn]] = {}
        for seed in range(arguments.draws):
            drawn = _draw(clips, seed, arguments.clips, hidden=hidden, whole=arguments.whole)
            for by, figures in drawn.items():
                found.setdefault(by, []).append(figures)
        for by, draws in found.items():
            print(_row("hidden" if hidden else "all", by, draws), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--language")
    parser.add_argument("--prefix", default="", help="of the ids of the clips to take")
    parser.add_argument(
        "--clips", type=int, default=2000, help="of a half at most, drawn at random"
    )
    parser.add_argument("--draws", type=int, default=4)
    parser.add_argument("--whole", action="store_true", help="group all people, do not split them")
    return parser.parse_args()


def _wanted(labels: FeatureLabels, prefix: str, language: str | None) -> np.ndarray:
    """Return the positions of the clips of a speaker and a language."""
    rows = zip(labels.clip, labels.speaker, labels.language, strict=True)
    wanted = [
        bool(speaker) and clip.startswith(prefix) and language in (None, spoken)
        for clip, speaker, spoken in rows
    ]
    return np.flatnonzero(np.array(wanted))


def _draw(clips: Clips, seed: int, at_most: int, *, hidden: bool, whole: bool) -> dict[str, Drawn]:
    """Group the clips of half of the people, or of all, by voices, by faces and by both."""
    random = np.random.default_rng(seed)
    order = random.permutation(clips.people)
    middle = clips.people if whole else clips.people // 2
    mine, others = (
        _some(random, np.flatnonzero(np.isin(clips.speaker, half)), at_most)
        for half in (order[:middle], order[middle:])
    )
    shown = _hidden(clips.looks, random) if hidden else clips.looks
    people = len(np.unique(clips.speaker[mine]))
    found = {}
    for by in ("voice", "face", "both"):
        of = clips._replace(looks=_alone(shown, by))
        best = _best_cut(of, others) if len(others) else CUT
        found[by] = Drawn(_at(of, mine, CUT), _at(of, mine, best), people)
    return found


def _at(clips: Clips, some: np.ndarray, cut: float) -> Figures:
    return _figures(clips.looks.take(some), clips.speaker[some], clips.pairs, cut)


def _best_cut(clips: Clips, some: np.ndarray) -> float:
    return CUTS[int(np.argmax([_at(clips, some, cut).f1 for cut in CUTS]))]


def _head() -> str:
    return head(
        "clips",
        "by",
        f"F1 at the cut of {CUT:g}",
        "precision",
        "recall",
        "groups of people",
        "F1 at the cut of the other half",
        "groups",
    )


def _row(clips: str, by: str, draws: list[Drawn]) -> str:
    """Return a line of means over draws."""
    at, chosen = (np.mean([draw[i] for draw in draws], axis=0) for i in (0, 1))
    true = np.mean([draw.people for draw in draws])
    return row(
        clips,
        by,
        *(f"{x:.3f}" for x in at[:3]),
        f"{at[3]:.1f} of {true:.0f}",
        f"{chosen[0]:.3f}",
        f"{chosen[3]:.1f}",
    )


def _some(random: np.random.Generator, index: np.ndarray, number: int) -> np.ndarray:
    return np.sort(random.permutation(index)[:number])


def _hidden(looks: Looks, random: np.random.Generator) -> Looks:
    draw = random.random(len(looks))
    faceless, voiceless = draw < FACELESS, draw >= 1 - VOICELESS
    return replace(
        looks,
        faces=np.where(faceless & (looks.voices > 0), 0, looks.faces),
        voices=np.where(voiceless & (looks.faces > 0), 0, looks.voices),
    )


def _alone(looks: Looks, by: str) -> Looks:
    if by == "both":
        return looks
    other = {"voice": "faces", "face": "voices"}[by]
    return replace(looks, **{other: np.zeros(len(looks), np.int64)})


def _figures(looks: Looks, speaker: np.ndarray, pairs: Pairs, cut: float) -> Figures:
    some = (looks.faces + looks.voices) > 0
    group = np.arange(len(looks)) + len(looks)  # each on its own
    group[some] = grouped(looks.take(some), pairs, cut=cut)
    _, true = np.unique(speaker, return_inverse=True)
    _, group = np.unique(group, return_inverse=True)
    count = np.zeros((true.max() + 1, group.max() + 1))
    np.add.at(count, (true, group), 1)
    right, made, there = (float((n * (n - 1)).sum()) for n in (count, count.sum(0), count.sum(1)))
    return Figures(
        f1=2 * right / max(made + there, 1),
        precision=right / made if made else 1.0,
        recall=right / max(there, 1),
        groups=int((count.sum(0) > 1).sum()),
    )


if __name__ == "__main__":
    main()
