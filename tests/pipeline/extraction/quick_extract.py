"""`mraf extract` with encoders that only read the file: a clip takes 0.1 s, and may kill its worker.

Run as a script; the workers import it too, and so get the same encoders.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from mraf import cli
from mraf.data.clips.clip import Clip
from mraf.data.table.features import FeatureRow
from mraf.extractors import encoders
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.pipeline.extraction import rows, run
from mraf.pipeline.extraction.hashing import Job
from mraf.pipeline.extraction.known import path_of

ENCODERS = EncoderPair(
    face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus", sha256="0" * 64)
)
"""The encoders that they stand for, without weights."""
CHOSEN = ["--face", ENCODERS.face.name, "--voice", ENCODERS.voice.name]


def located(name: str, **_: object) -> EncoderSpec:
    """In place of a look for weights."""
    return {"dlib": ENCODERS.face, "campplus": ENCODERS.voice}[name]


def vectors_of(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """A face and a voice that the content of the file decides."""
    generator = np.random.default_rng(list(content))
    return generator.standard_normal(8, np.float32), generator.standard_normal(4, np.float32)


HOLD = Path(os.environ.get("QUICK_HOLD", "/nowhere"))
"""As long as this file is there, clips whose content ends in 5 are not done."""
LOG = Path(os.environ.get("QUICK_LOG", os.devnull))
"""Where the nodes of a Ray cluster note each clip that they do."""


class HeldClip(Clip):
    """A clip on a drive that hangs as long as a file beside it is there."""

    @property
    def hold(self) -> Path:
        return self.files[0].with_suffix(".hold")

    def content_hash(self):
        while self.hold.exists():
            time.sleep(0.01)
        return super().content_hash()


def setup(*_):
    def row_of(clip):
        content = clip.files[0].read_bytes()
        time.sleep(0.1)
        while content.endswith(b"5") and HOLD.exists():
            time.sleep(0.01)
        with LOG.open("a") as log:
            log.write(f"{os.environ.get('RAY_RAYLET_PID')}\n")
        if b"deadly" in content:
            os.kill(os.getpid(), signal.SIGSEGV)
        face, voice = vectors_of(content)
        return FeatureRow(
            clip=clip.id,
            path=path_of(clip),
            source_hash="",
            extractor="",
            speaker=clip.speaker,
            language=clip.language,
            recording=clip.recording,
            face=face,
            voice=voice,
        )

    return lambda jobs: [row_of(job.clip) for job in jobs]


def setup_beside_an_actor(*_):
    """The same, but a clip may kill the actor that the worker belongs to."""

    def row_of(clip):
        if b"fatal" in clip.files[0].read_bytes():
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
        return setup()([Job(clip, "")])[0]

    return lambda jobs: [row_of(job.clip) for job in jobs]


if __name__ in {"__main__", "__mp_main__"}:  # and not where a test only borrows from here
    from tests.pipeline.extraction import quick_extract

    rows.setup_worker = quick_extract.setup  # by a name that other processes know
    encoders._located = located
    run.FLUSH_SECONDS = 0.2

if __name__ == "__main__":
    # The test that runs this may have been started in the background, with SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv[0] = "mraf"
    cli.main()
