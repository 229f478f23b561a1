import multiprocessing
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mraf.errors import BusyError, MediaError, MrafError
from mraf.extractors.media import isolated as module
from mraf.extractors.media.isolated import Decoder
from mraf.extractors.media.limits import Limits
from mraf.extractors.media.read import read_pair, read_video
from tests.helpers.media_files import corners, tone, write_media

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc or prctl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import cv2

    folder = tmp_path_factory.mktemp("decoder")
    frames = np.linspace(20, 230, 50).astype(np.uint8)[:, None, None, None]
    write_media(folder / "clip.mp4", frames.repeat(48, 1).repeat(64, 2).repeat(3, 3), tone(2.0))
    write_media(folder / "voice.wav", wave=tone(1.5), audio_codec="pcm_s16le")
    cv2.imwrite(str(folder / "face.png"), corners()[:, :, ::-1])
    return folder


@pytest.fixture
def clip(folder):
    return folder / "clip.mp4"


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as decoder:
        yield decoder


@pytest.fixture
def odd_child(monkeypatch):
    """Have the child run some code before it answers `request`."""

    def start(options, code):
        lines = ["import os, signal, time", "from pathlib import Path"]
        lines += ["from mraf.extractors.media import child", "answer_as_before = child._answer"]
        lines += ["def answer(replies, request, options, limits):", f"    {code}"]
        lines += ["    return answer_as_before(replies, request, options, limits)"]
        lines += ["child._answer = answer", "child.main()"]
        root = str(Path(module.__file__).parents[3])
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines), str(os.getpid()), options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": root},
        )

    return lambda code: monkeypatch.setattr(module, "_start", lambda options: start(options, code))


def same(one, other) -> bool:
    fields = ("frames", "times", "wave")
    pairs = [(getattr(one, name), getattr(other, name)) for name in fields]
    reasons = (one.frames_reason, one.wave_reason) == (other.frames_reason, other.wave_reason)
    return reasons and all(np.array_equal(a, b) if a is not None else b is None for a, b in pairs)


def wait_for_end(process: int) -> None:
    """Wait until the process behind a descriptor of `os.pidfd_open` has ended."""
    with os.fdopen(process):
        assert select.select([process], [], [], 120)[0], "it lives on"


def test_gives_what_reading_in_this_process_gives(decoder, folder, clip):
    pair = folder / "voice.wav", folder / "face.png"
    pid = decoder.pid
    assert same(decoder.read(clip), read_video(clip))
    assert same(decoder.read(None, *pair), read_pair(*pair))
    assert same(decoder.read(audio=pair[0]), read_pair(pair[0], None))
    assert same(decoder.read(image=pair[1]), read_pair(None, pair[1]))
    assert decoder.pid == pid


def test_options_are_handed_on(clip):
    with Decoder(frames=3, max_seconds=1.0) as decoder:
        assert same(decoder.read(clip), read_video(clip, frames=3, max_seconds=1.0))


def test_large_frames_come_through_whole(decoder, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (4, 90, 160, 3), np.uint8)
    path = write_media(tmp_path / "hd.mp4", noise.repeat(8, 1).repeat(8, 2))
    assert same(decoder.read(path), read_video(path))


def test_an_error_is_told_and_the_child_lives_on(decoder, clip, tmp_path):
    pid = decoder.pid
    (tmp_path / "talk.mp4").write_bytes(bytes(4096))
    with pytest.raises(MediaError, match="talk.mp4: not a video"):
        decoder.read(tmp_path / "talk.mp4")
    with pytest.raises(MediaError, match="neither the sound nor the picture"):
        decoder.read()
    assert decoder.read(clip).frames is not None and decoder.pid == pid


@linux
def test_a_clip_that_hangs_is_given_up_and_the_next_is_read(clip):
    with Decoder() as decoder:
        decoder.read(clip)
        process = os.pidfd_open(decoder.pid)
        os.kill(decoder.pid, signal.SIGSTOP)
        decoder.limits = Limits(seconds=0.1)
        with pytest.raises(BusyError, match="clip.mp4: took longer than 0.1 s to decode"):
            decoder.read(clip)
        wait_for_end(process)
        decoder.limits = Limits()
        assert decoder.read(clip).frames is not None


def test_a_picture_and_a_video_that_need_too_much_memory(tmp_path, clip):
    import cv2

    picture = tmp_path / "big.png"
    cv2.imwrite(str(picture), np.zeros((4000, 4000, 3), np.uint8))
    video = write_media(tmp_path / "big.avi", np.zeros((4, 1080, 1920, 3), np.uint8), codec="mpeg4")
    with Decoder(limits=Limits(memory=24 << 20)) as decoder:
        with pytest.raises(MediaError, match="big.png: needs more than 24 MiB to decode"):
            decoder.read(image=picture)
        with pytest.raises(MediaError, match="big.avi: needs more than 24 MiB to decode"):
            decoder.read(video)
        assert decoder.read(clip).frames is not None


def test_a_clip_that_crashes_the_decoder_twice_is_given_up(odd_child, clip):
    odd_child("os.kill(os.getpid(), signal.SIGSEGV)")
    with (
        Decoder() as decoder,
        pytest.raises(MediaError, match=r"clip.mp4: the decoder crashed \(SIGSEGV\)"),
    ):
        decoder.read(clip)


def test_a_decoder_that_the_system_kills_is_not_the_fault_of_the_clip(odd_child, clip):
    odd_child("os.kill(os.getpid(), signal.SIGKILL)")
    with Decoder() as decoder, pytest.raises(BusyError, match="was killed, perhaps for want"):
        decoder.read(clip)


def test_a_clip_that_crashes_the_decoder_once_is_read(odd_child, clip, tmp_path):
    marker = str(tmp_path / "marker")
    odd_child(f"os.path.exists({marker!r}) or (Path({marker!r}).touch(), os._exit(3))")
    with Decoder() as decoder:
        assert same(decoder.read(clip), read_video(clip))


def test_the_sound_is_read_where_the_picture_crashes_the_decoder(odd_child, folder):
    odd_child("'image' in request and os.abort()")
    with Decoder() as decoder:
        media = decoder.read(None, folder / "voice.wav", folder / "face.png")
    assert media.frames_reason == "decode_error" and media.wave is not None


@pytest.mark.parametrize(
    "answer",
    [
        r"os.write(replies, b'\xff' * 8)",
        r"os.write(replies, b'\2\0\0\0[1')",
        r"child._send(replies, {'times': [], 'frames': [9, 9, 9, 999999999], 'wave': None})",
        r"child._send(replies, {'times': [], 'frames': [1, 2, -3], 'wave': None})",
    ],
)
def test_an_answer_that_makes_no_sense_is_an_error(odd_child, clip, answer):
    odd_child(answer)
    with Decoder() as decoder, pytest.raises(MediaError, match="answer that cannot be read"):
        decoder.read(clip)


def test_an_exception_of_another_kind_is_an_error_of_the_clip(odd_child, clip):
    odd_child("from mraf.extractors.media import read; read.read_video = lambda *a, **k: 1 / 0")
    with (
        Decoder() as decoder,
        pytest.raises(MediaError, match=r"clip.mp4: cannot be decoded \(ZeroDivisionError"),
    ):
        decoder.read(clip)


def test_a_child_that_cannot_start_says_why(monkeypatch, clip, tmp_path):
    (tmp_path / "av.py").write_text("raise ImportError('libav is not there')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with Decoder() as decoder, pytest.raises(MrafError, match="libav is not there.*mraf doctor"):
        decoder.read(clip)


def test_modules_are_found_below_a_folder_with_a_colon_in_its_name(monkeypatch, clip, tmp_path):
    folder = tmp_path / "a:b"
    folder.mkdir()
    (folder / "av.py").write_text("raise ImportError('found below a:b')")
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    with Decoder() as decoder, pytest.raises(MrafError, match="found below a:b"):
        decoder.read(clip)


def test_no_process_can_be_started(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/gone/python")
    with pytest.raises(MrafError, match="/gone/python cannot be run .No such file"):
        Decoder()


def test_modules_of_the_current_folder_are_not_taken(monkeypatch, clip, tmp_path):
    (tmp_path / "av.py").write_text("raise ImportError('not this one')")
    monkeypatch.chdir(tmp_path)
    with Decoder() as decoder:
        assert decoder.read(clip).frames is not None


@linux
def test_the_child_loads_no_networks(decoder, clip):
    decoder.read(clip)
    assert "torch" not in Path(f"/proc/{decoder.pid}/maps").read_text()


def test_a_child_that_died_between_clips_is_replaced(clip):
    with Decoder() as decoder:
        decoder.read(clip)
        os.kill(decoder.pid, signal.SIGKILL)
        assert decoder.read(clip).frames is not None


def test_outlives_the_thread_that_made_it(clip):
    """Linux ends the child together with that thread; another one is started."""
    made = []
    thread = threading.Thread(target=lambda: made.append(Decoder()))
    thread.start()
    thread.join()
    with made[0] as decoder:
        assert decoder.read(clip).frames is not None


def test_an_interrupted_read_does_not_spoil_the_next(odd_child, clip, folder, tmp_path):
    """The child itself sends the signal, when it has the request, and never answers it."""

    def interrupt(*_):
        raise KeyboardInterrupt

    marker = str(tmp_path / "marker")
    send = "os.kill(os.getppid(), signal.SIGUSR1), signal.pause()"
    odd_child(f"os.path.exists({marker!r}) or (Path({marker!r}).touch(), {send})")
    before = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with Decoder() as decoder:
            with pytest.raises(KeyboardInterrupt):
                decoder.read(clip)
            assert decoder.read(image=folder / "face.png").wave_reason == "no_audio"
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_ctrl_c_is_not_for_the_child(decoder, clip):
    decoder.read(clip)
    pid = decoder.pid
    os.kill(pid, signal.SIGINT)
    assert decoder.read(clip).frames is not None and decoder.pid == pid


def test_close_leaves_no_process_and_a_later_read_starts_one(clip):
    with Decoder() as decoder:
        decoder.read(clip)
        pid = decoder.pid
        decoder.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert decoder.pid is None
        assert decoder.read(clip).frames is not None


def test_a_forgotten_decoder_ends_its_child(clip):
    decoder = Decoder()
    pid = decoder.pid
    del decoder
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@linux
def test_the_child_does_not_survive_a_parent_that_is_killed(clip):
    """While it hangs, so that it cannot see its stdin closed."""
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom mraf.extractors.media import isolated\n"
        "held = isolated.Decoder()\nheld._running().wait_until_ready()\n"
        "os.kill(held.pid, signal.SIGSTOP)\n"
        "print(held.pid, flush=True)\nheld.read(Path(sys.argv[1]))"
    )
    root = str(Path(module.__file__).parents[3])
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(clip)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    pid = int(parent.stdout.readline())
    child = os.pidfd_open(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for_end(child)


def _in_a_worker(path, pipe):
    with Decoder() as decoder:
        pipe.send(decoder.read(path).frames.shape)


def test_works_in_a_daemonic_worker(clip):
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    worker = context.Process(target=_in_a_worker, args=(clip, there), daemon=True)
    worker.start()
    there.close()  # so that the end of the worker ends the wait
    assert here.recv() == (8, 48, 64, 3)
    worker.join()
    assert worker.exitcode == 0


@pytest.mark.parametrize("role", ["video", "audio", "image"])
def test_only_files_are_opened(decoder, tmp_path, role, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    os.mkfifo("pipe.mp4")
    Path("folder.mp4").mkdir()
    Path("device.mp4").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.mp4")
        for name in ("pipe", "folder", "device", "socket"):
            with pytest.raises(MediaError, match=f"{name}.mp4: a (named )?{name}, and only files"):
                decoder.read(**{role: Path(f"{name}.mp4")})
    with pytest.raises(MediaError, match="gone.mp4: no such file"):
        decoder.read(**{role: Path("gone.mp4")})


def test_a_name_of_any_bytes(decoder, clip, tmp_path):
    path = tmp_path / os.fsdecode(b"\xff \n\"a'.mp4")
    with suppress(OSError):  # of file systems that want Unicode
        shutil.copy(clip, path)
        assert decoder.read(path).frames is not None


def test_why_one_stream_could_not_be_decoded_comes_through_the_pipe(clip, folder, tmp_path):
    with Decoder(limits=Limits(pixels=3000)) as decoder:
        media = decoder.read(clip)
    assert media.wave is not None and media.problem.startswith("pictures of 64 x 48 pixels")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with Decoder() as decoder:
        media = decoder.read(audio=folder / "voice.wav", image=broken)
    assert media.problem == "broken.png: not a picture that can be decoded"
