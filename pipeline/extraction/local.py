"""The engine that works on this machine, and its plan: processes, decoders, clips at once."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mraf.data.table.features import FeatureRow
from mraf.device import choose_device
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction import processes, rows
from mraf.pipeline.extraction.hashing import Job
from mraf.pipeline.extraction.processes import available_cores

GPU_WORKERS = 2
"""Processes that share a GPU: one computes while the other waits for its decoders."""
CLIPS_AT_ONCE = 16
"""Clips that go through a GPU together; decoded, they take up to 110 MB each."""


@dataclass(frozen=True, kw_only=True)
class LocalEngine:
    """An `Engine` of `mraf.pipeline.extraction.extract` that works in processes of its own."""

    device: str  # of torch
    workers: int  # processes; 0 works in this one
    decoders: int = 1  # of each worker
    at_once: int = 1  # clips that a worker works on together
    precision: str = "auto"  # of the encoders' arithmetic on a CPU
    hashes: ClassVar[bool] = False

    def __call__(
        self,
        jobs: Sequence[Job],
        *,
        encoders: EncoderPair,
        options: ExtractOptions,
        known: np.ndarray,
    ) -> Generator[FeatureRow, None, None]:
        """Yield the row of each job; `known` is not used, since the jobs carry their digests."""
        fingerprint = options.fingerprint(encoders).to_json()
        results = processes.run(
            iter(jobs),
            min(self.workers, len(jobs)),
            rows.setup_worker,
            encoders,
            options,
            self.device,
            self.decoders,
            self.precision,
            at_once=self.at_once,
        )
        with closing(results):
            for job, outcome in results:
                yield rows.finished_row(job, outcome, fingerprint)


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
