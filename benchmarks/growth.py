"""Time and memory of a growing feature table: writing, opening, resuming and reading it.

    python benchmarks/growth.py --rows 10000 100000 1000000

Fills a table with made-up clips (512 numbers per face, 192 per voice, two languages) through the writer
that `mraf extract` uses, and then runs the steps of the commands, each in its own process:

    write   all rows in parts of 256, and the merge at the end of the run
    open    the counts at the top of `mraf features info`
    resume  `mraf extract` on the same clips again, which re-uses all rows
    read    the vectors of one of the two languages, as for training
    remove  remove one speaker, which rewrites the table

Prints seconds and, in brackets, the peak memory of the process in MB. Importing everything takes
1 to 3 s and 100 to 300 MB by itself. A table of a million rows takes 3 GB of disk.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import machine

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.weights import PUBLISHED
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.workspace import Workspace

ENCODERS = EncoderPair(
    face=EncoderSpec(name="dlib"),
    voice=EncoderSpec(name="campplus", sha256=PUBLISHED["campplus"].sha256),
)
FINGERPRINT = ExtractOptions().fingerprint(ENCODERS).to_json()
CLIPS_A_SPEAKER = 100


@dataclass(frozen=True)
class MadeUpClip(Clip):
    """A clip without a file; its content hash is a hash of its id."""

    def content_hash(self) -> str:
        """Return a hash of the id, which is different for each clip."""
        return hashlib.blake2b(self.id.encode(), digest_size=16).hexdigest()


def main() -> None:
    """Measure tables of some sizes, or run one step in its own process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--folder", type=Path, help="where the tables go, one after the other")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--one-step", choices=STEPS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one_step:
        print(json.dumps(one_step(arguments.one_step, arguments.folder, arguments.rows[0])))
        return
    print(f"{machine()}\n")
    print(f"{'rows':>9} {'MB on disk':>11}" + "".join(f"{step:>17}" for step in arguments.steps))
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            figures = {step: apart(step, folder, rows) for step in arguments.steps}
        size = f"{figures['write']['size'] / 1e6:,.0f}" if "write" in figures else "-"
        cells = [f"{f['seconds']:.1f} s ({f['peak']:,.0f})" for f in figures.values()]
        print(f"{rows:>9,} {size:>11}" + "".join(f"{cell:>17}" for cell in cells), flush=True)


def apart(step: str, folder: str, rows: int) -> dict[str, float]:
    """Do one step in a fresh process."""
    command = [sys.executable, __file__, "--one-step", step, "--folder", folder, "--rows"]
    done = subprocess.run([*command, str(rows)], check=True, stdout=subprocess.PIPE)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def one_step(step: str, folder: Path, rows: int) -> dict[str, float]:
    """Do one step; return its seconds, the peak memory of this process in MB and the table's bytes."""
    started = time.perf_counter()
    STEPS[step](folder, rows)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    size = sum(path.stat().st_size for path in (folder / "features").glob("part-*"))
    return {"seconds": seconds, "peak": peak, "size": size}


def clips_of(rows: int) -> Iterator[MadeUpClip]:
    """Yield clips: half of a speaker's are in English, half in Urdu."""
    for index in range(rows):
        speaker, number = divmod(index, CLIPS_A_SPEAKER)
        language = "English" if number < CLIPS_A_SPEAKER // 2 else "Urdu"
        labels = (f"person{speaker:06}", language, f"recording{number // 10}")
        clip = f"{'/'.join(labels)}/{number:03}.mp4"
        path = Path("/videos") / clip
        yield MadeUpClip(clip, path, speaker=labels[0], language=labels[1], recording=labels[2])


def write(folder: Path, rows: int) -> None:
    """Write all rows into the table."""
    generator = np.random.default_rng(0)
    with table(folder).writer() as writer:
        for clip in clips_of(rows):
            vectors = generator.standard_normal(512 + 192, np.float32)
            row = FeatureRow(
                clip=clip.id,
                path=str(clip.video),
                source_hash=clip.content_hash(),
                extractor=FINGERPRINT,
                speaker=clip.speaker,
                language=clip.language,
                recording=clip.recording,
                face=vectors[:512],
                voice=vectors[512:],
            )
            writer.add(row)


def open_table(folder: Path, rows: int) -> None:
    """Count the clips of the table."""
    assert table(folder).summary()["clips"] == rows


def resume(folder: Path, rows: int) -> None:
    """Extract the same clips again."""
    report = extract_clips(
        # In this process: others cannot import the clips of a script.
        list(clips_of(rows)),
        workspace=folder,
        encoders=ENCODERS,
        worker_count=0,
    )
    assert (report.reused, report.embedded) == (rows, 0)


def read(folder: Path, rows: int) -> None:
    """Read the vectors for training on one language."""
    labels = table(folder).labels()
    english = np.array([language == "English" for language in labels.language])
    assert labels.vectors("face", english).shape == (rows // 2, 512)
    assert labels.vectors("voice", english).shape == (rows // 2, 192)


def remove(folder: Path, rows: int) -> None:
    """Remove a speaker."""
    assert table(folder).remove("person000001") == CLIPS_A_SPEAKER


def table(folder: Path) -> FeatureTable:
    """Return the table of a workspace."""
    return Workspace(folder).table


STEPS: dict[str, Callable[[Path, int], None]] = {
    "write": write,
    "open": open_table,
    "resume": resume,
    "read": read,
    "remove": remove,
}

if __name__ == "__main__":
    main()
