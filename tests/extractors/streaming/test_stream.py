import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mraf.errors import BusyError, MediaError, MrafError
from mraf.extractors.media.limits import Limits
from mraf.extractors.streaming import stream as module
from mraf.extractors.streaming.slicing import FileSlices
from mraf.extractors.streaming.stream import slices
from tests.helpers.media_files import tone, write_media
from tests.helpers.timed_files import pieces, shade, write_timed

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc or prctl")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("stream") / "film.mkv"
    pictures = [(k / 25, shade(20 + k)) for k in range(180)]
    return write_timed(path, pictures, pieces(tone(7.2)))


@pytest.fixture
def odd_child(monkeypatch):
    """Have the child run some code before it sends the slice that begins at `start` s."""

    def begin(options, code):
        lines = ["import os, signal, sys, time", "from pathlib import Path"]
        lines += ["from mraf.extractors.streaming import child", "send_as_before = child.send"]
        lines += ["def send(replies, header, *arrays):", "    start = header.get('start')"]
        lines += [f"    {code}", "    send_as_before(replies, header, *arrays)"]
        lines += ["child.send = send", "child.main()"]
        root = str(Path(module.__file__).parents[3])
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines), str(os.getpid()), options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": root},
        )

    return lambda code: monkeypatch.setattr(
        module, "start_process", lambda _, options, __: begin(options, code)
    )


def starts(found) -> list[float]:
    return [each.start for each in found]


def test_gives_what_reading_in_this_process_gives(film):
    with slices(film) as found:
        assert found.duration == pytest.approx(7.2, abs=0.01) and found.has_picture
        for one, other in zip(found, FileSlices(film).slices(), strict=True):
            assert (one.start, one.stop) == (other.start, other.stop)
            assert one.wave.dtype == np.float32 and np.array_equal(one.wave, other.wave)
            assert np.array_equal(one.grey, other.pictures.grey)
            assert np.array_equal(one.colour, other.pictures.colour)
            assert one.shown.tolist() == other.pictures.shown
            assert one.looks.tolist() == other.pictures.looks
            assert len(one.wave) == round(16_000 * (one.stop - one.start))
    assert found.duration == 7.2 and not found.problems and found.pid is None


def test_sound_alone_and_a_later_start(tmp_path, film):
    path = write_media(tmp_path / "talk.wav", wave=tone(3.0), audio_codec="pcm_s16le")
    with slices(path) as found:
        assert not found.has_picture
        assert [each.grey.shape for each in found] == [(0, 0, 0)] * 2
    with slices(film, start=4.0) as found:
        assert starts(found) == [4.0, 6.0]
    with pytest.raises(ValueError, match="multiple"):
        slices(film, start=3.0)


def test_what_cannot_be_read_is_told_at_once(tmp_path):
    with pytest.raises(BusyError, match="no such file"):
        slices(tmp_path / "nothing.mp4")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match="a named pipe"):
        slices(tmp_path / "pipe")
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(MediaError, match=r"text\.mp4: .*this is text"):
        slices(tmp_path / "text.mp4")


def test_the_child_ends_when_it_is_left(film):
    with slices(film) as found:
        next(found)
        process = os.pidfd_open(found.pid)
    with os.fdopen(process):
        assert select.select([process], [], [], 120)[0]
    assert list(found) == []


def test_a_slice_that_crashes_the_decoder_once_is_read_again(film, odd_child, tmp_path):
    mark = tmp_path / "crashed"
    odd_child(
        f"if start == 4.0 and not os.path.exists({str(mark)!r}): "
        f"os.mkdir({str(mark)!r}); os.kill(os.getpid(), signal.SIGSEGV)"
    )
    with slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0] and not found.problems
    assert mark.exists()


def test_a_file_that_crashes_the_decoder_ends_there(film, odd_child):
    odd_child("if start == 4.0: os.kill(os.getpid(), signal.SIGSEGV)")
    with slices(film) as found:
        assert starts(found) == [0.0, 2.0]
        (problem,) = found.problems
        assert "SIGSEGV" in problem and "at 4.0 s" in problem and found.duration == 4.0
    odd_child("os.kill(os.getpid(), signal.SIGSEGV) if 'length' in header else None")
    with pytest.raises(MediaError, match="SIGSEGV"):
        slices(film)


def test_a_decoder_that_the_system_kills_is_not_the_files_fault(film, odd_child):
    odd_child("if start == 4.0: os.kill(os.getpid(), signal.SIGKILL)")
    with slices(film) as found, pytest.raises(BusyError, match="killed"):
        list(found)


def test_a_slice_that_never_comes_is_given_up(film, odd_child):
    odd_child("time.sleep(600) if start == 2.0 else None")
    with slices(film, limits=Limits(seconds=3.0)) as found:
        next(found)
        with pytest.raises(BusyError, match=r"longer than 3 s to decode what follows 2 s"):
            next(found)


def test_signs_of_life_give_it_time(film, odd_child):
    odd_child(
        "[(send_as_before(replies, {'beat': True}), time.sleep(1.0)) for _ in range(6)] "
        "if start == 2.0 else None"
    )
    with slices(film, limits=Limits(seconds=5.0)) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    "code",
    [
        "header = {'start': 0} if start == 4.0 else header",
        "header = {**header, 'grey': [9999, 9999, 9999]} if start == 4.0 else header",
        "os.write(replies, b'not a header at all') if start == 4.0 else None",
    ],
)
def test_nonsense_is_a_crash(film, odd_child, code):
    odd_child(code)
    with slices(film) as found:
        assert starts(found) == [0.0, 2.0]
        assert "cannot be read" in found.problems[0]


@linux
def test_want_of_memory_is_told(film):
    with (
        pytest.raises(MrafError, match="film.mkv: the decoder (needs|failed)"),
        slices(film, limits=Limits(memory=1)) as found,
    ):
        list(found)


@linux
def test_the_child_ends_with_its_parent(film):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from mraf.extractors.streaming.stream import slices\n"
        f"found = slices(Path({str(film)!r})); next(found); print(found.pid, flush=True); time.sleep(600)"
    )
    root = str(Path(module.__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    ) as parent:
        process = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    with os.fdopen(process), suppress(ProcessLookupError):
        assert select.select([process], [], [], 120)[0], "it lives on"
