"""Extract: from clips to rows of the feature table."""

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.extractors.encoders import TABLES, EncoderPair, choose
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.weights import Progress
from mraf.pipeline.extraction import processes as workers
from mraf.pipeline.extraction import rows as embedding
from mraf.pipeline.extraction.machine import plan
from mraf.pipeline.extraction.reuse import KnownClips, mixing
from mraf.pipeline.extraction.run import ExtractProgress, ExtractReport, Run
from mraf.pipeline.workspace import Workspace, encoders_of

FLUSH_SECONDS = 15.0
"""A killed run loses at most this much work and the clips in hand."""

Engine = Callable[[Run, EncoderPair, ExtractOptions], Generator[FeatureRow, None, None]]
"""Gives the rows of those clips of a run that the run cannot `reuse`, in any order."""


def extract(
    clips: Sequence[Clip],
    workspace: Workspace | Path | str | None,
    encoders: EncoderPair,
    options: ExtractOptions = ExtractOptions(),
    worker_count: int | None = None,
    device: str = "auto",
    on_progress: Callable[[ExtractProgress], None] | None = None,
    engine: Engine | None = None,
) -> ExtractReport:
    """Embed clips into the workspace's feature table; what is there and current is re-used.

    A row is made anew when the content of its files, the encoders or the options change, not when
    a name or a date does. A clip that cannot be read becomes a row that says so, and the run goes
    on. Whatever way the run ends, what was embedded stays.

    Args:
        clips: from `find_clips` or `read_manifest`.
        workspace: a folder, by default `./mraf-workspace`.
        encoders: from `mraf.extractors.encoders.choose`.
        options: frames a clip and the like.
        worker_count: processes, by default one a core, or two where they share a GPU; 0 works in
            this process.
        device: "auto", "cpu" or "cuda".
        on_progress: called after each clip.
        engine: what does the work in place of processes on this machine, to which alone
            `worker_count` and `device` apply.

    Raises:
        UsageError: the table holds features of other encoders, or cannot be written.
        MissingError: weights that the encoders need are not there.
    """
    started = flushed = time.monotonic()
    table = Workspace.at(workspace).table
    fingerprint = f"{encoders.identity} {options.identity}"
    engine = engine or partial(local, worker_count=worker_count, device=device)
    with table.writer() as writer:
        known = KnownClips(table, fingerprint)
        known.refuse_mixing(encoders.identity)
        known.refuse_namesakes(clips)
        run = Run(clips, known, fingerprint, writer.add, on_progress)
        # Closed at once when something is raised, so that no worker outlives the run.
        with closing(engine(run, encoders, options)) as rows:
            for row in rows:
                run.add(row)
                if time.monotonic() - flushed > FLUSH_SECONDS:
                    writer.flush()
                    flushed = time.monotonic()
        run.finish()
    return run.report(encoders.identity, time.monotonic() - started)


def local(
    run: Run,
    encoders: EncoderPair,
    options: ExtractOptions,
    worker_count: int | None = None,
    device: str = "auto",
) -> Generator[FeatureRow, None, None]:
    """The engine that works on this machine, in processes of its own."""
    how = plan(device, worker_count)
    unreadable: deque[FeatureRow] = deque()
    setup = (embedding.setup_worker, encoders, options, how.device, how.decoders)
    count = min(how.workers, len(run.clips))
    jobs = _to_embed(run, unreadable)
    with closing(workers.run(jobs, count, *setup, at_once=how.at_once)) as results:
        for (clip, digest), outcome in results:
            yield embedding.finished_row(clip, digest, run.fingerprint, outcome)
            while unreadable:
                yield unreadable.popleft()
    yield from unreadable


def _to_embed(run: Run, unreadable: deque[FeatureRow]) -> Iterator[embedding.Job]:
    """The clips that have to be embedded; rows of those that cannot be opened are put aside."""
    for clip in run.clips:
        digest = embedding.digest_of(clip, run.fingerprint)
        if isinstance(digest, FeatureRow):
            unreadable.append(digest)
        elif not run.reuse(clip, digest):
            yield clip, digest


def choose_encoders(
    workspace: Workspace | Path | str | None,
    face: str = "auto",
    voice: str = "auto",
    weights_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> EncoderPair:
    """Choose encoders for a workspace: "auto" keeps to those of the features it holds.

    See `mraf.extractors.encoders.choose`, which this calls.
    """
    table = Workspace.at(workspace).table
    known = next(iter(_encoders_in(table)), None)
    for name, value in (("face", face), ("voice", voice)):  # before anything is fetched
        if known and value in TABLES[name] and f"{name}={value}@" not in known:
            raise mixing(table.folder, known, f"{name}={value}")
    return choose(face, voice, known, weights_dir, offline, progress)


def _encoders_in(table: FeatureTable) -> list[str]:
    """The pairs of encoders that made a table; one, unless somebody mixed them by hand."""
    if table.is_empty:
        return []
    made = table.read(["extractor"])["extractor"].unique()
    return sorted({encoders_of(each.as_py()) for each in made})
