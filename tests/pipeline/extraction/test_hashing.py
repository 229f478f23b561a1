"""Hashing, in one thread and in several."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import mraf
from mraf.data.clips.clip import Clip
from mraf.pipeline.extraction.hashing import Unreadable, digest_of, holds, setup_hashing


@pytest.mark.parametrize("threads", [1, 3])
def test_clips_get_digests_or_reasons_in_their_order(tmp_path, threads):
    clips = [Clip(str(number), tmp_path / f"{number}.mp4") for number in range(20)]
    for clip in clips[::2]:
        clip.video.write_text(clip.id)
    found = setup_hashing(threads)(clips)
    assert found[::2] == [clip.content_hash() for clip in clips[::2]]
    said = "1.mp4 cannot be read (No such file or directory)"
    assert found[1] == Unreadable(said) == digest_of(clips[1])
    assert sum(isinstance(each, Unreadable) for each in found) == 10


MEETING = threading.Barrier(3, timeout=300)


@dataclass(frozen=True)
class SlowClip(Clip):
    """A clip on a disk that answers when it is asked for three."""

    def content_hash(self):
        MEETING.wait()
        return "00" * 16


def test_files_are_read_at_the_same_time():
    clips = [SlowClip(str(number), Path("x.mp4")) for number in range(3)]
    assert setup_hashing(3)(clips) == ["00" * 16] * 3


def test_a_digest_is_found_among_others():
    digests = np.sort(np.array([bytes([number] * 16) for number in (7, 3, 200)], "S16"))
    assert all(holds(digests, f"{number:02x}" * 16) for number in (3, 7, 200))
    assert not any(holds(digests, f"{number:02x}" * 16) for number in (0, 5, 255))
    assert not holds(np.zeros(0, "S16"), "00" * 16)


def test_a_worker_that_is_ended_leaves_no_semaphores(tmp_path):
    """Python warns of them at the end of the program, on the screen of whoever runs it."""
    code = (
        "import sys\n"
        "from mraf.pipeline.extraction.hashing import setup_hashing\n"
        "from mraf.pipeline.extraction.processes import run\n"
        "if __name__ == '__main__':\n"
        "    assert list(run([], 1, setup_hashing, 4)) == []\n"
        "    assert len(list(run([None], 1, setup_hashing, 4))) == 1\n"
    )
    script = tmp_path / "hash.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(Path(mraf.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stderr == ""
