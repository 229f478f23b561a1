"""Name strangers and known people in real clips, and strangers of other kinds.

    python benchmarks/strangers.py VIDEOS [-w WORKSPACE] [--meetings MEETINGS] [--made 30] [--every 1]

VIDEOS holds clips `<speaker>/<language>/<recording>/<clip>.mp4` of a few people. Their features go to
WORKSPACE, and are taken from there where they are current.

- other strangers: a model is trained on all clips. Named are the voices of MEETINGS (recordings with an
  RTTM file each, each voice in pieces of up to 5 s in which nobody else speaks), and people of `mraf
  sample`: painted faces and espeak's voices, in two clips each.
- five of them: for every choice of five people, a model is trained on half of each one's clips. Named are
  the other halves, and all clips of the others, who are strangers. Then each stranger with three clips or
  more is enrolled from the first two of them: the others' share that is named right, and the share of the
  remaining strangers' clips that is named.

Every model keeps its own threshold, of 1 % of strangers' clips by its own cross-validation.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from common import head, machine, row

MODALITIES = {"face_voice": "face + voice", "voice": "voice", "face": "face"}
PIECE = 5.0
"""Seconds of a meeting's voice that make a clip, at most; of 2 or less none is made."""


def main() -> None:
    """Print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path)
    parser.add_argument("-w", "--workspace", type=Path)
    parser.add_argument("--meetings", type=Path)
    parser.add_argument("--made", type=int, default=0, help="people of `mraf sample`")
    parser.add_argument("--known", type=int, default=5)
    parser.add_argument("--every", type=int, default=1, help="take every n-th choice of people")
    arguments = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        rows = rows_of(arguments.videos, arguments.workspace or Path(folder) / "w")
        names = sorted({each.speaker for each in rows})
        choices = list(combinations(names, arguments.known))[:: arguments.every]
        kinds: dict[str, list[Any]] = {}
        if arguments.meetings:
            kinds["voices in meetings"] = meeting_rows(arguments.meetings, rows[0])
        if arguments.made:
            kinds["painted faces, espeak's voices"] = made_rows(Path(folder), arguments.made)
        if kinds:
            other_kinds(rows, kinds)
        some_known(rows, choices)


def rows_of(videos: Path, workspace: Path) -> list[Any]:
    """Return the rows of a folder of clips, with a speaker and a face or a voice."""
    from mraf.pipeline.extraction.extract import extract
    from mraf.pipeline.workspace import Workspace

    extract([videos], workspace=workspace, face="dlib", voice="campplus")
    rows = [each for each in Workspace.at(workspace).table.rows() if each.speaker]
    return [each for each in rows if each.face is not None or each.voice is not None]


def some_known(rows: list[Any], choices: list[tuple[str, ...]]) -> None:
    """Print the rates for some people known at a time, and those after one of the others is enrolled."""
    known, strange = defaultdict(list), defaultdict(list)
    newcomers, after = defaultdict(list), defaultdict(list)
    for number, choice in enumerate(choices):
        train, tested = halves([each for each in rows if each.speaker in choice], number)
        others = [each for each in rows if each.speaker not in choice]
        loaded = trained(train, number)
        for name in MODALITIES:
            known[name].append(decisions(loaded, tested, name))
            strange[name].append(decisions(loaded, others, name))
            for newcomer, model in enrolled(loaded, others):
                own = [each for each in others if each.speaker == newcomer][2:]
                left = [each for each in others if each.speaker != newcomer]
                newcomers[name].append(decisions(model, own, name))
                after[name].append(decisions(model, left, name))
        print(f"\r{number + 1} of {len(choices)}", end="", file=sys.stderr, flush=True)
    print(f"\n{len(choices)} choices of {len(choices[0])} known people: share of clips in %\n")
    print(head("", "right", "wrong", "unknown", "clips", "strangers named", "clips", "most named"))
    for name, title in MODALITIES.items():
        worst = max(strange[name], key=lambda found: found[:, 1].sum())
        print(
            row(
                title,
                *shares(known[name]),
                *named(strange[name]),
                f"{worst[:, 1].sum()} of {len(worst)}",
            )
        )
    if any(newcomers.values()):
        print(f"\n{len(newcomers['voice'])} times one of the others enrolled, from two clips\n")
        print(head("", "right", "wrong", "unknown", "clips", "other strangers named", "clips"))
        for name, title in MODALITIES.items():
            print(row(title, *shares(newcomers[name]), *named(after[name])))


def other_kinds(rows: list[Any], kinds: dict[str, list[Any]]) -> None:
    """Print the share of other strangers' clips that a model of all clips names."""
    loaded = trained(rows, 0)
    print(f"\n{len({each.speaker for each in rows})} known people: strangers' clips named, in %\n")
    print(head("", "people", *(f"{each}, clips" for each in MODALITIES.values())))
    for kind, strangers in kinds.items():
        people = len({each.speaker for each in strangers})
        cells = []
        for name in MODALITIES:
            share, number = named([decisions(loaded, strangers, name)])
            cells.append(f"{share}, {number}")
        print(row(kind, people, *cells))


def halves(rows: list[Any], seed: int) -> tuple[list[Any], list[Any]]:
    """Return half of each speaker's clips, at least two, and the others."""
    random = np.random.default_rng(seed)
    train, tested = [], []
    for speaker in sorted({each.speaker for each in rows}):
        own = [each for each in rows if each.speaker == speaker]
        order = [own[i] for i in random.permutation(len(own))]
        cut = max(2, len(own) // 2)
        train += order[:cut]
        tested += order[cut:]
    return train, tested


def trained(rows: Iterable[Any], seed: int) -> Any:
    """Return what `mraf train` makes of the rows."""
    from mraf import checkpoint
    from mraf.pipeline.training.train import train
    from mraf.pipeline.workspace import Workspace

    with tempfile.TemporaryDirectory() as folder:
        place = Workspace.at(Path(folder))
        with place.table.writer() as writer:
            for each in rows:
                writer.add(each)
        return checkpoint.load(train(place, seed=seed).folder)


def enrolled(loaded: Any, rows: list[Any]) -> Iterable[tuple[str, Any]]:
    """Yield each person of the rows with three clips or more, and the model with two of them enrolled."""
    from dataclasses import replace

    from mraf.prototypes.enrolment import enrolled as with_newcomer

    for speaker in sorted({each.speaker for each in rows}):
        own = [each for each in rows if each.speaker == speaker]
        if len(own) > 2:
            model = with_newcomer(loaded.model, features(own[:2], []), None)
            yield speaker, replace(loaded, model=model, labels=(*loaded.labels, speaker))


def decisions(loaded: Any, rows: list[Any], name: str) -> np.ndarray:
    """Return `[N, 2]` bool: right, and named; of the clips that have the modalities."""
    from mraf.pipeline.recognition.rates import decided, only, showing

    if not rows:
        return np.zeros((0, 2), bool)
    clips = features(rows, list(loaded.labels))
    clips = only(clips.take(showing(clips, name)), name)
    given = decided(loaded.model, clips)
    return np.stack([given.best == clips.label, given.accepted], axis=1)


def features(rows: list[Any], names: list[str]) -> Any:
    """Return the vectors of rows, with the label -1 for people who have no name there."""
    from mraf.types import Features

    dims = {"face": 128, "voice": 192}  # of dlib and CAM++
    columns: dict[str, np.ndarray] = {}
    for which, dim in dims.items():
        vectors = [getattr(each, which) for each in rows]
        columns[f"{which}_present"] = np.array([vector is not None for vector in vectors])
        filled = [np.zeros(dim) if vector is None else vector for vector in vectors]
        columns[which] = np.stack(filled).astype(np.float32)
    label = [names.index(each.speaker) if each.speaker in names else -1 for each in rows]
    recordings = {key: i for i, key in enumerate(dict.fromkeys(map(recording_of, rows)))}
    recording = np.array([recordings[recording_of(each)] for each in rows])
    return Features(**columns, label=np.array(label), recording=recording)


def recording_of(each: Any) -> tuple[str, str]:
    """Return the recording of a row, which is a clip of its own where it does not say."""
    return each.speaker, each.recording or each.clip


def meeting_rows(folder: Path, like: Any) -> list[Any]:
    """Return a row for each piece of a voice with nobody beside it; `like` is a row of this table."""
    from dataclasses import replace

    from mraf.extractors.encoders import build, choose
    from mraf.extractors.media.read import SAMPLE_RATE, read_pair

    encoder, found = build(choose(voice="campplus").voice), []
    for path in sorted(folder.glob("*.flac")):
        wave = read_pair(path, None).wave
        turns = [line.split() for line in path.with_suffix(".rttm").read_text().splitlines()]
        speaks: dict[str, np.ndarray] = {}
        for turn in turns:
            start, length = float(turn[3]) * SAMPLE_RATE, float(turn[4]) * SAMPLE_RATE
            there = speaks.setdefault(turn[7], np.zeros(len(wave), bool))
            there[int(start) : int(start + length)] = True
        many = np.sum(list(speaks.values()), axis=0) > 1
        for speaker, mask in speaks.items():
            alone = wave[mask & ~many]
            size = int(PIECE * SAMPLE_RATE)
            pieces = [alone[at : at + size] for at in range(0, len(alone), size)]
            for piece in [each for each in pieces if len(each) > 2 * SAMPLE_RATE]:
                vector = encoder.embed([piece])[0]
                found.append(
                    replace(
                        like,
                        speaker=speaker,
                        recording=path.stem,
                        face=None,
                        face_reason="no_face",
                        voice=vector,
                    )
                )
    return found


def made_rows(folder: Path, people: int) -> list[Any]:
    """Return the rows of painted people with synthetic voices: two clips each."""
    from mraf.data.sample.make import make_sample
    from mraf.data.sample.plan import SampleOptions

    options = SampleOptions(speakers=people, languages=("English",), recordings=(1,), clips=2)
    make_sample(folder / "made", options)
    return rows_of(folder / "made", folder / "of_made")


def shares(found: list[np.ndarray]) -> list[str]:
    """Return the shares of known people's clips named right, named wrong and not named, and their number."""
    right, accepted = np.concatenate(found).T
    parts = [(right & accepted).mean(), (~right & accepted).mean(), (~accepted).mean()]
    return [*(f"{100 * part:.1f}" for part in parts), f"{len(right):,}"]


def named(found: list[np.ndarray]) -> list[str]:
    """Return the share of strangers' clips that are named, and their number."""
    accepted = np.concatenate(found)[:, 1]
    return [f"{100 * accepted.mean():.1f}" if len(accepted) else "-", f"{len(accepted):,}"]


if __name__ == "__main__":
    main()
