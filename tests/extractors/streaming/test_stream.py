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
from mraf.extractors.streaming.stream import Slices
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
    """Have the child run some code before it sends the slice that begins at `start` s, or decodes `stamp` s."""

    def begin(options, code, decoding, shared):
        lines = ["import os, signal, sys, time", "from pathlib import Path"]
        lines += ["from mraf.extractors.streaming import child"]
        lines += ["from mraf.extractors.streaming.decoding import one_stream"]
        lines += ["send_as_before, decoded_as_before = child.send, one_stream.decoded"]
        lines += ["def send(replies, header, *arrays):", "    start = header.get('start')"]
        lines += [f"    {code}", "    send_as_before(replies, header, *arrays)"]
        lines += ["def decoded(packet):", "    stamp = float((packet.pts or 0) * packet.time_base)"]
        lines += [f"    {decoding}", "    yield from decoded_as_before(packet)"]
        lines += ["child.send, one_stream.decoded = send, decoded", "child.main()"]
        root = str(Path(module.__file__).parents[3])
        return subprocess.Popen(
            [sys.executable, "-c", "\n".join(lines), str(os.getpid()), options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": root},
            pass_fds=shared,
        )

    return lambda code="pass", decoding="pass": monkeypatch.setattr(
        module,
        "start_process",
        lambda _, options, __, shared: begin(options, code, decoding, shared),
    )


class Patience:
    """How often each child was given time to answer; the first ones get none after so many times."""

    def __init__(self):
        self.given, self.most = [], []


@pytest.fixture
def patience(monkeypatch):
    found = Patience()

    class Timed(module.DecodingProcess):
        def __init__(self, process):
            super().__init__(process)
            self.number = len(found.given)
            found.given.append(0)

        def allow(self, seconds):
            found.given[self.number] += 1
            most = dict(enumerate(found.most)).get(self.number, float("inf"))
            super().allow(0.0 if found.given[self.number] > most else seconds)

    monkeypatch.setattr(module, "DecodingProcess", Timed)
    return found


OPENED = 3
"""Times that a child is given before its first slice: to start, for the request, for the answer."""
CRASH = "os.kill(os.getpid(), signal.SIGSEGV)"


def told(found) -> list[str]:
    return [each.told() for each in found.problems]


def starts(found) -> list[float]:
    return [each.start for each in found]


def test_gives_what_reading_in_this_process_gives(film):
    with Slices(film) as found:
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
    with Slices(path) as found:
        assert not found.has_picture
        assert [each.grey.shape for each in found] == [(0, 0, 0)] * 2
    with Slices(film, start=4.0) as found:
        assert starts(found) == [4.0, 6.0]
    with pytest.raises(ValueError, match="multiple"):
        Slices(film, start=3.0)


def test_what_cannot_be_read_is_told_at_once(tmp_path):
    with pytest.raises(BusyError, match="no such file"):
        Slices(tmp_path / "nothing.mp4")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match="a named pipe"):
        Slices(tmp_path / "pipe")
    (tmp_path / "text.mp4").write_text("not a film")
    with pytest.raises(MediaError, match=r"text\.mp4: .*this is text"):
        Slices(tmp_path / "text.mp4")


def test_the_child_ends_when_it_is_left(film):
    with Slices(film) as found:
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
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0] and not found.problems
    assert mark.exists()


def test_what_crashes_the_decoder_twice_is_passed_over(film, odd_child):
    with Slices(film) as plain:
        whole = list(plain)
    odd_child(decoding=f"{CRASH} if 4.2 < stamp < 4.3 else None")
    with Slices(film) as found:
        read = list(found)
    assert starts(read) == [0.0, 2.0, 4.0, 6.0] and found.duration == 7.2
    assert told(found) == ["file: passed over at 4.0 s (the decoder crashed (SIGSEGV))"]
    assert not read[2].wave.any() and len(read[2].wave) == 32_000
    assert not len(read[2].grey) and read[2].shown.tolist() == [-1] * 50
    assert [len(each.problems) for each in read] == [0, 0, 1, 0]
    assert np.array_equal(read[1].wave, whole[1].wave)
    assert np.array_equal(read[3].grey[-1], whole[3].grey[-1])
    assert np.abs(read[3].wave - whole[3].wave)[8_000:].max() < 0.01


def test_what_is_passed_over_grows_until_reading_goes_on(film, odd_child):
    odd_child(decoding=f"{CRASH} if 0.5 < stamp < 5 else None")
    with Slices(film) as found:
        read = list(found)
    assert starts(read) == [0.0, 2.0, 4.0, 6.0]
    causes = [[(each.count, each.seconds) for each in one.problems] for one in read]
    assert causes == [
        [(1, 2.0)],
        [(0, 2.0)],
        [(0, 2.0)],
        [],
    ]  # each part is told of what it has lost
    assert told(found) == ["file: passed over at 0.0 s (the decoder crashed (SIGSEGV))"]
    assert not read[0].wave.any() and not read[1].wave.any() and read[3].wave.any()


def test_what_is_met_before_a_crash_stays_told(film, odd_child):
    problem = "[{'kind': 'picture', 'text': 'Invalid data', 'first': start}]"
    damage = f"header.update(problems={problem}) if start in (0.0, 6.0) else None"
    note = "header.update(notes=[f'child {os.getpid()}']) if 'length' in header else None"
    crash = f"{CRASH} if start == 4.0 else None"
    odd_child("; ".join(f"({each})" for each in (damage, note, crash)))
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert told(found) == [
        "picture: cannot be decoded in 2 places, first at 0.0 s (Invalid data)",
        "file: passed over at 4.0 s (the decoder crashed (SIGSEGV))",
    ]
    assert len(found.notes) == 3  # of each child


def test_a_file_whose_end_crashes_the_decoder_ends_before_it(film, odd_child):
    odd_child(f"{CRASH} if start == 6.0 else None")
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0]
    assert told(found) == ["file: from 6.0 s on it is not read (the decoder crashed (SIGSEGV))"]
    assert found.duration == 6.0 and found.last_problems == found.problems


def test_many_crashes_in_a_row_end_the_file(film, odd_child, monkeypatch):
    monkeypatch.setattr(module, "GROWTH", (2.0, 4.0))
    odd_child(f"{CRASH} if start is not None and start >= 2.0 else None")
    with Slices(film) as found:
        assert starts(found) == [0.0]
    assert told(found) == ["file: from 2.0 s on it is not read (the decoder crashed (SIGSEGV))"]
    assert found.duration == 2.0 and not found.problems[0].again


def test_what_cannot_be_opened_again_ends_the_file(film, odd_child, tmp_path):
    mark = f"Path({str(tmp_path / 'crashed')!r})"
    error = "{'error': 'film.mkv: nothing from 4 s on'}"
    odd_child(
        f"header = {error} if 'length' in header and {mark}.exists() else header; "
        f"start == 4.0 and ({mark}.touch(), {CRASH})"
    )
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0]
    assert told(found) == ["file: from 4.0 s on it is not read (film.mkv: nothing from 4 s on)"]


def test_a_file_that_never_survives_is_an_error(film, odd_child):
    odd_child(f"{CRASH} if 'length' in header else None")
    with pytest.raises(MediaError, match="SIGSEGV"):
        Slices(film)
    odd_child("os.kill(os.getpid(), signal.SIGKILL) if 'length' in header else None")
    with pytest.raises(BusyError, match="killed"):
        Slices(film)


def test_a_decoder_that_the_system_kills_is_not_the_files_fault(film, odd_child):
    odd_child("os.kill(os.getpid(), signal.SIGKILL) if start == 4.0 else None")
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert [each.again for each in found.problems] == [True]


def test_a_slice_that_never_comes_is_passed_over(film, odd_child, patience):
    odd_child("signal.pause() if start == 2.0 else None")
    patience.most = [OPENED + 1]
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert told(found) == [
        "file: passed over at 2.0 s (the decoder took longer than 300 s for what follows 2 s)"
    ]
    assert found.problems[0].again


def test_a_file_that_is_not_opened_in_time_is_tried_later(film, odd_child, patience):
    odd_child("signal.pause() if 'length' in header else None")
    patience.most = [OPENED - 1]
    with pytest.raises(BusyError, match="film.mkv: .* longer than 300 s for what follows 0 s"):
        Slices(film)


def test_a_place_at_which_nothing_comes_costs_three_waits(film, odd_child, patience):
    odd_child("signal.pause() if start is not None and start >= 2.0 else None")
    patience.most = [OPENED + 1, OPENED, OPENED]
    with Slices(film) as found:
        assert starts(found) == [0.0]
    assert told(found) == [
        "file: from 2.0 s on it is not read (the decoder took longer than 300 s for what follows 6 s)"
    ]
    assert found.problems[0].again and len(patience.given) == 3


def test_a_drive_that_does_not_answer_any_more_costs_two_waits(film, odd_child, patience, tmp_path):
    mark = f"Path({str(tmp_path / 'opened')!r})"
    odd_child(
        f"'length' in header and {mark}.exists() and signal.pause(); "
        f"start == 2.0 and ({mark}.touch(), signal.pause())"
    )
    patience.most = [OPENED + 1, OPENED - 1]
    with Slices(film) as found:
        assert starts(found) == [0.0]
    assert found.problems[0].kind == "rest" and found.problems[0].again
    assert len(patience.given) == 2


def test_where_nothing_has_come_one_wait_is_enough(film, odd_child, patience):
    odd_child("signal.pause() if start == 0.0 else None")
    patience.most = [OPENED]
    with Slices(film) as found, pytest.raises(BusyError, match="longer than 300 s"):
        next(found)
    assert len(patience.given) == 1


def test_waiting_is_told(film, odd_child, patience, monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", float("inf"))  # until no time is left
    odd_child("signal.pause() if start == 2.0 else None")
    patience.most = [OPENED + 1]
    waits = []
    with Slices(film, on_wait=lambda: waits.append(found.position)) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert waits == [2.0]


def test_signs_of_life_give_it_time(film, odd_child, patience):
    odd_child("start == 2.0 and [send_as_before(replies, {'beat': True}) for _ in range(6)]")
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert patience.given == [OPENED + 4 + 6 + 1]  # four slices, six signs, the end


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
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
        assert told(found) == [
            "file: passed over at 4.0 s (the decoder gave an answer that cannot be read)"
        ]


@linux
def test_want_of_memory_is_told(film):
    with (
        pytest.raises(MrafError, match="film.mkv: the decoder needs more than 0 MiB"),
        Slices(film, limits=Limits(memory=1)) as found,
    ):
        list(found)


def test_want_of_memory_in_a_call_of_the_system_is_no_crash(film, odd_child):
    odd_child(decoding="if 4.2 < stamp < 4.3: raise OSError(12, 'Cannot allocate memory')")
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert told(found) == ["file: passed over at 4.0 s (the decoder needs more than 2048 MiB)"]
    assert found.problems[0].again


def test_what_cannot_be_shared_for_want_of_memory_comes_through_the_pipe(film, odd_child):
    with Slices(film) as found:
        expected = [(each.wave.sum(), each.grey.sum(), each.colour.sum()) for each in found]
    full = "lambda *_, **__: (_ for _ in ()).throw(OSError(12, 'Cannot allocate memory'))"
    odd_child(decoding=f"stamp > 4.2 and setattr(__import__('mmap'), 'mmap', {full})")
    with Slices(film) as found:
        read = [(each.wave.sum(), each.grey.sum(), each.colour.sum()) for each in found]
    assert read == expected and not found.problems


def test_other_errors_of_the_system_are_told(film, odd_child):
    odd_child(decoding="if 4.2 < stamp < 4.3: raise OSError(28, 'No space left on device')")
    with Slices(film) as found:
        assert starts(found) == [0.0, 2.0, 4.0, 6.0]
    assert "failed (OSError: [Errno 28] No space left" in told(found)[0]


@linux
def test_the_child_ends_with_its_parent(film):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from mraf.extractors.streaming.stream import Slices\n"
        f"found = Slices(Path({str(film)!r})); next(found); print(found.pid, flush=True); time.sleep(600)"
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


def test_slices_that_are_kept_come_through_the_pipe_and_stay_what_they_are(film, monkeypatch):
    """As many as there are slots are held without a copy; more must not make both ends wait for each other."""
    with Slices(film) as found:
        expected = [(each.wave.sum(), each.grey.sum(), each.colour.sum()) for each in found]
    monkeypatch.setattr(module, "_SLOTS", 1)
    with Slices(film) as found:
        kept = list(found)
    assert len(kept) == 4
    assert [(each.wave.sum(), each.grey.sum(), each.colour.sum()) for each in kept] == expected


def test_without_shared_memory_all_comes_through_the_pipe(film, monkeypatch):
    with Slices(film) as found:
        expected = [(each.grey.sum(), each.colour.sum()) for each in found]
    monkeypatch.setattr(module, "_slots", lambda: None)
    with Slices(film) as found:
        assert [(each.grey.sum(), each.colour.sum()) for each in found] == expected


def test_sound_that_is_kept_does_not_keep_the_pictures(film):
    with Slices(film) as found:
        waves = [each.wave for each in found]
    assert all(each.flags.owndata for each in waves)
