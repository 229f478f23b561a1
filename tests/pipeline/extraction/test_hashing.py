import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from mraf.data.clips.clip import Clip
from mraf.pipeline.extraction import hashing
from mraf.pipeline.extraction.hashing import Job, Unreadable, hash_clip, hash_clips
from tests.pipeline.extraction.test_processes import wait_until


def test_clips_come_in_order_with_digests_or_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(hashing, "AT_ONCE", 7)
    clips = [Clip(str(number), tmp_path / f"{number}.mp4") for number in range(40)]
    for clip in clips[::2]:
        clip.video.write_text(clip.id)
    found = list(hash_clips(clips))
    assert [each.clip for each in found] == clips
    assert found[::2] == [Job(clip, clip.content_hash()) for clip in clips[::2]]
    said = "1.mp4 cannot be read (No such file or directory)"
    assert found[1] == Unreadable(clips[1], said) == hash_clip(clips[1])
    assert list(hash_clips([])) == []


@dataclass(frozen=True)
class SlowClip(Clip):
    """A clip on a disk that answers late."""

    def content_hash(self):
        started.release()
        if self.id != "first":
            answer.wait()
        return "00" * 16


started, answer = threading.Semaphore(0), threading.Event()


def test_files_are_read_at_the_same_time_and_leaving_does_not_wait_for_them(request):
    request.addfinalizer(answer.set)
    names = ["first", *map(str, range(20))]
    running = hash_clips([SlowClip(name, Path("x.mp4")) for name in names])
    assert next(running).clip.id == "first"
    for _ in range(1 + hashing.THREADS):  # the others have begun, and none ends
        started.acquire()
    running.close()
    assert not answer.is_set()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_while_a_disk_hangs(tmp_path, name):
    """The files in hand would take an hour; the process ends at once."""
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, sys, time\n"
        "from pathlib import Path\n"
        "from mraf.data.clips.clip import Clip\n"
        "from mraf.pipeline.extraction.hashing import hash_clips\n"
        "def hang(clip):\n"
        "    Path(sys.argv[1]).touch()\n"
        "    time.sleep(3600)\n"
        "Clip.content_hash = hang\n"
        "for number in (signal.SIGINT, signal.SIGTERM):\n"
        "    signal.signal(number, signal.default_int_handler)\n"
        "try:\n"
        "    list(hash_clips([Clip(str(i), Path('x')) for i in range(50)]))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    run = subprocess.Popen(
        [sys.executable, script, tmp_path / "hangs"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    wait_until((tmp_path / "hangs").exists)
    run.send_signal(signal.Signals[name])
    out, _ = run.communicate()
    assert (out, run.returncode) == ("interrupted\n", 0)
