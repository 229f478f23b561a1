"""The engine that works on this machine, in processes of its own."""

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from mraf.data.table.features import FeatureRow
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction import processes, rows
from mraf.pipeline.extraction.hashing import Job
from mraf.pipeline.extraction.machine import Plan


@dataclass(frozen=True)
class LocalEngine:
    """An `Engine` of `mraf.pipeline.extraction.extract`; `plan` says how many processes it starts."""

    plan: Plan
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
        plan, fingerprint = self.plan, options.fingerprint(encoders).to_json()
        results = processes.run(
            iter(jobs),
            min(plan.workers, len(jobs)),
            rows.setup_worker,
            encoders,
            options,
            plan.device,
            plan.decoders,
            at_once=plan.at_once,
        )
        with closing(results):
            for job, outcome in results:
                yield rows.finished_row(job, outcome, fingerprint)
