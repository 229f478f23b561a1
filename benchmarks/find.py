"""The time of `mraf find` in a big table, once it is open.

    python benchmarks/find.py [--rows 1000000] [--face 128] [--voice 192] [--people 10000]

The vectors are made in memory: reading them from disk is no part of it (`mraf find` itself has to do that, each
time; `mraf.Finder` once). A tenth of the clips have no face, a tenth no voice.
"""

import argparse
import time

import numpy as np
import pyarrow as pa
from common import machine

from mraf.data.table.labels import StoredLabels
from mraf.fingerprint import Fingerprint
from mraf.pipeline.people.archive.find import Finder
from mraf.pipeline.people.archive.opened import OpenTable
from mraf.pipeline.workspace import Workspace
from mraf.recognition.clusters import Looks
from mraf.recognition.pairs import Pairs

TRIES = 7


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--face", type=int, default=128)
    parser.add_argument("--voice", type=int, default=192)
    parser.add_argument("--people", type=int, default=10_000)
    arguments = parser.parse_args()
    finder = made(arguments.rows, arguments.face, arguments.voice, arguments.people)
    print(machine())
    print(
        f"{arguments.rows} rows of {arguments.face} + {arguments.voice} numbers, {arguments.people} people"
    )
    for what, who in (("a speaker", "person 7"), ("a clip of the table", "clip 00000007")):
        times, busy = [], []
        for _ in range(TRIES):
            started, used = time.perf_counter(), time.process_time()
            report = finder(who)
            times.append(time.perf_counter() - started)
            busy.append(time.process_time() - used)
        print(
            f"{what}: {len(report.matches)} matches of {report.clips}, median {np.median(times):.3f} s, "
            f"slowest {max(times):.3f} s of {TRIES}; {np.median(busy):.3f} s of processor time"
        )


def made(rows: int, face: int, voice: int, people: int) -> Finder:
    """Return a finder whose table was never on disk."""
    random = np.random.default_rng(0)
    speaker = np.arange(rows) % people
    vectors = [_vectors(random, speaker, dim, people) for dim in (face, voice)]
    present = [random.random(rows) >= 0.1 for _ in vectors]
    names = [f"person {i}" for i in range(people)]
    labels = StoredLabels(
        clip=[f"clip {i:08}" for i in range(rows)],
        speaker=[names[i] for i in speaker],
        language=[None] * rows,
        recording=[None] * rows,
        source_hash=[f"{i:032x}" for i in range(rows)],
        face_present=present[0],
        voice_present=present[1],
        extractors=(),
        snapshot=None,  # type: ignore[arg-type]  # nothing is read
    )
    figures = pa.table(
        {
            "path": labels.clip,
            "source_hash": labels.source_hash,
            **{name: pa.nulls(rows, pa.float64()) for name in ("start", "end", "seconds")},
        }
    )
    finder = object.__new__(Finder)
    finder.workspace = Workspace.at("nowhere")
    finder._table = OpenTable(
        labels=labels,
        figures=figures,
        fingerprint=Fingerprint(face="dlib", face_weights="0", voice="campplus", voice_weights="0"),
        pairs=Pairs(face_line=(20.0, -8.0), voice_line=(20.0, -8.0)),
        notes=(),
    )
    finder._speakers = {name: list(range(i, rows, people)) for i, name in enumerate(names)}
    finder._looks = Looks.of(vectors[0], present[0], vectors[1], present[1])
    return finder


def _vectors(random: np.random.Generator, speaker: np.ndarray, dim: int, people: int) -> np.ndarray:
    x = random.standard_normal((len(speaker), dim), np.float32)
    centres = random.standard_normal((people, dim), np.float32)
    for start in range(0, len(x), 100_000):
        some = slice(start, start + 100_000)
        x[some] = x[some] * np.float32(0.8) + centres[speaker[some]]
    return x


if __name__ == "__main__":
    main()
