"""The engine that works on this machine, and its plan: processes, decoders, clips at once."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import numpy as np

from mraf.device import choose_device
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction import processes, rows
from mraf.pipeline.extraction.hashing import THREADS, Job, Unreadable, holds, setup_hashing
from mraf.pipeline.extraction.processes import Batch, available_cores
from mraf.pipeline.extraction.rows import Made, Result
from mraf.pipeline.extraction.stream import ClipStream
from mraf.pipeline.extraction.turns.options import TurnOptions

GPU_WORKERS = 2
"""Processes that share a GPU: one computes while the other waits for its decoders."""
CLIPS_AT_ONCE = 16
"""Clips that go through a GPU together; decoded, they take up to 110 MB each."""
HASHED_AT_ONCE = 32
"""The most clips that a worker hashes before it tells: a file that hangs holds up the others of them."""
BLOCKS_A_WORKER = 8
"""Blocks that each worker's share of the clips that wait is cut into to be hashed, so that few hold few."""
_HASH, _EMBED = range(2)  # numbers of the setups


@dataclass(frozen=True, kw_only=True)
class LocalEngine:
    """An `Engine` of `mraf.pipeline.extraction.extract` that works in processes of its own."""

    device: str  # of torch
    workers: int  # processes; 0 works in this one
    decoders: int = 1  # of each worker
    at_once: int = 1  # clips that a worker works on together
    precision: str = "auto"  # of the encoders' arithmetic on a CPU

    def __call__(
        self,
        clips: ClipStream,
        *,
        encoders: EncoderPair,
        options: ExtractOptions,
        known: np.ndarray,
        turns: TurnOptions | None = None,
    ) -> Generator[Result, None, None]:
        """Yield the result of each clip; workers load the encoders where there is one to embed."""
        made = Made.by(options, encoders, turns)
        plan = _Plan(clips, workers=self.workers, at_once=self.at_once)
        done = processes.run_batches(
            plan.batches(),
            self.workers,
            partial(setup_hashing, THREADS if self.workers else 1),
            partial(
                rows.setup_worker,
                encoders,
                options,
                self.device,
                self.decoders,
                self.precision,
                turns,
            ),
            bell=clips,
            on_told=clips.on_told,
        )
        with closing(done):
            for job, outcome in done:
                if isinstance(job, Job):
                    yield Result(*job, rows.finished_rows(job, outcome, made))
                    continue
                plan.hashing -= 1
                if not isinstance(outcome, str):
                    error = outcome.error if isinstance(outcome, Unreadable) else str(outcome)
                    yield Result(job, None, [rows.failed_row(job, error, made.whole)])
                elif holds(known, outcome):
                    yield Result(job, outcome, None)
                else:
                    plan.todo.append(Job(job, outcome))


class _Plan:
    """The work of a run: each clip is hashed, and embedded right after that if it is new.

    Attributes:
        todo: clips to embed.
        hashing: number of clips that workers hash.
    """

    def __init__(self, clips: ClipStream, *, workers: int, at_once: int) -> None:
        self._clips, self._at_once = clips, at_once
        self._shares = BLOCKS_A_WORKER * max(1, workers)
        self.todo: deque[Job] = deque()
        self.hashing = 0

    def batches(self) -> Iterator[Batch | None]:
        """Yield what a free worker does next; None where it depends on others."""
        while True:
            if len(self.todo) < self._at_once and (clips := self._clips.take(self._block())):
                self.hashing += len(clips)
                yield Batch(clips, _HASH)
            elif self.todo:
                count = min(self._at_once, len(self.todo))
                yield Batch([self.todo.popleft() for _ in range(count)], _EMBED)
            elif self.hashing or not self._clips.is_complete:
                yield None
            else:
                return

    def _block(self) -> int:
        share = self._clips.waiting // self._shares
        return max(self._at_once, min(HASHED_AT_ONCE, share))


def local_engine(
    device: str = "auto", workers: int | None = None, precision: str = "auto"
) -> LocalEngine:
    """Return an engine of a worker a core, with one thread and one clip in hand; or a few that share a GPU.

    A GPU is taken to be many times quicker than the decoders that feed it (none was at hand to
    measure), so each worker has several of these, and sends the clips that they have read through
    the networks together.

    Args:
        device: "auto", "cpu" or a device of torch.
        workers: None for as many as are useful.
        precision: of the encoders' arithmetic on a CPU, one of `mraf.extractors.processor.PRECISIONS`.

    Raises:
        UsageError: there is no such device.
    """
    cores = available_cores()
    device = choose_device(device)
    if not device.startswith("cuda"):
        return LocalEngine(
            device=device, workers=cores if workers is None else workers, precision=precision
        )
    count = min(GPU_WORKERS, cores) if workers is None else workers
    decoders = min(CLIPS_AT_ONCE, max(1, cores // max(1, count)))
    return LocalEngine(device=device, workers=count, decoders=decoders, at_once=CLIPS_AT_ONCE)
