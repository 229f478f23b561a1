import functools
import os
import signal
import subprocess
import sys
import threading
import time
from multiprocessing import Pipe
from pathlib import Path

import pytest

from mraf.errors import MissingError, MrafError
from mraf.pipeline.extraction import processes


def doubling(factor=2):
    return processes.one_by_one(lambda job: job * factor)


def dying(marker):
    """Dies of the job "poison" always, of "fragile" the first time."""

    def work(job):
        if job == "poison" or (job == "fragile" and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return job.upper()

    return processes.one_by_one(work)


def adding():
    """Adds up the jobs that it is given together; "poison" kills the worker, a text is an error."""

    def work(jobs):
        if "poison" in jobs:
            os.kill(os.getpid(), signal.SIGKILL)
        return [sum(jobs)] * len(jobs)

    return work


@pytest.mark.parametrize("count", [0, 1])
def test_jobs_are_given_together(count):
    done = list(processes.run(iter(range(7)), count, adding, at_once=3))
    assert done == [(0, 3), (1, 3), (2, 3), (3, 12), (4, 12), (5, 12), (6, 6)]


@pytest.mark.parametrize("count", [0, 1])
def test_of_jobs_given_together_only_the_one_that_raises_is_an_error(count):
    done = dict(processes.run(iter([1, 2, "three", 4]), count, adding, at_once=4))
    assert isinstance(done.pop("three"), processes.JobError)
    assert done == {1: 1, 2: 2, 4: 4}


def test_of_jobs_given_together_only_the_one_that_kills_its_worker_is_given_up():
    done = dict(processes.run(iter([1, 2, "poison", 4, 5]), 1, adding, at_once=4))
    assert isinstance(done.pop("poison"), processes.WorkerDiedError)
    assert done == {1: 1, 2: 2, 4: 4, 5: 5}


def failing():
    raise MissingError("no weights")


def reporting():
    def work(job):
        return os.getpid(), os.environ.get("OMP_NUM_THREADS"), time.sleep(0.2)

    return processes.one_by_one(work)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_job_is_done_once(count):
    done = dict(processes.run(iter(range(20)), count, doubling, 3))
    assert done == {job: job * 3 for job in range(20)}


@pytest.mark.parametrize("count", [0, 2])
def test_no_jobs_start_no_workers(count, monkeypatch):
    monkeypatch.setattr(processes.Pool, "_start", lambda *_: pytest.fail("started a worker"))
    assert list(processes.run(iter([]), count, failing)) == []


def test_work_is_shared_and_each_worker_has_one_thread():
    done = [result for _, result in processes.run(iter(range(6)), 2, reporting)]
    assert len({pid for pid, *_ in done}) == 2
    assert {threads for _, threads, _ in done} == {"1"}


def test_a_job_that_kills_its_worker_twice_is_given_up_and_the_rest_is_done(tmp_path):
    jobs = ["a", "poison", "b", "fragile", "c"]
    done = dict(processes.run(iter(jobs), 2, dying, tmp_path / "marker"))
    assert {job for job in jobs if isinstance(done[job], str)} >= {"a", "b", "c"}
    assert isinstance(done["poison"], processes.WorkerDiedError)
    assert "killed" in str(done["poison"])


def test_a_job_that_kills_its_worker_once_is_done_the_second_time(tmp_path):
    assert dict(processes.run(iter(["fragile"]), 1, dying, tmp_path / "marker")) == {
        "fragile": "FRAGILE"
    }


def fragile(marker):
    """Tells its process id; dies of the job "fragile" the first time."""

    def work(job):
        if job == "fragile" and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return os.getpid()

    return processes.one_by_one(work)


class Unreadable:
    """A job that cannot be unpickled."""

    def __reduce__(self):
        return (os._exit, (7,))


def test_workers_that_die_of_taking_a_job_are_not_started_for_ever():
    with pytest.raises(MrafError, match="3 workers ended before they had begun: .* code 7"):
        list(processes.run(iter([Unreadable()]), 1, doubling))


def test_a_worker_that_dies_between_two_jobs_is_not_blamed_on_the_next(tmp_path):
    """The one death that it causes itself is then not its second."""
    done = []
    for job, pid in processes.run(iter(["a", "fragile"]), 1, fragile, tmp_path / "marker"):
        done.append((job, type(pid)))
        if job == "a":
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: not is_running(pid))
    assert done == [("a", int), ("fragile", int)]


@pytest.mark.parametrize("count", [0, 2])
def test_an_error_of_the_setup_is_raised_here(count):
    with pytest.raises(MissingError, match="no weights"):
        list(processes.run(iter(range(3)), count, failing))


def test_leaving_early_stops_the_workers():
    running = processes.run(iter(range(1000)), 2, reporting)
    pids = {next(running)[1][0] for _ in range(3)}
    running.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_jobs_are_taken_as_workers_become_free():
    taken = []

    def jobs():
        for job in range(100):
            taken.append(job)
            yield job

    running = processes.run(jobs(), 2, doubling)
    next(running)
    assert len(taken) < 10
    running.close()


def raising():
    def work(job):
        if job == 2:
            raise ZeroDivisionError("surprise")
        return job

    return processes.one_by_one(work)


def broken():
    raise ImportError("libcuda is not there")


@pytest.mark.parametrize("count", [0, 2])
def test_a_job_that_raises_is_one_result_and_ends_nothing(count):
    done = dict(processes.run(iter(range(5)), count, raising))
    assert isinstance(done.pop(2), processes.JobError)
    assert done == {0: 0, 1: 1, 3: 3, 4: 4}


def test_a_setup_that_cannot_work_is_reported_once():
    with pytest.raises(MrafError, match=r"cannot start: ImportError: libcuda.*mraf doctor"):
        list(processes.run(iter(range(8)), 2, broken))


def dying_at_first(folder):
    """The first workers die before they are ready, as many as `folder` says."""
    (folder / str(os.getpid())).touch()
    if len(list(folder.iterdir())) <= int(folder.name):
        os.kill(os.getpid(), signal.SIGSEGV)
    return processes.one_by_one(lambda job: job)


@pytest.mark.parametrize("count", [1, 2])
def test_workers_that_do_not_come_up_are_not_blamed_on_a_job(tmp_path, count):
    (tmp_path / "2").mkdir()
    done = dict(processes.run(iter(range(4)), count, dying_at_first, tmp_path / "2"))
    assert done == {job: job for job in range(4)}
    (tmp_path / "99").mkdir()
    with pytest.raises(MrafError, match=r"3 workers ended .* crashed \(SIGSEGV\).*mraf doctor"):
        list(processes.run(iter(range(4)), count, dying_at_first, tmp_path / "99"))


def noting(folder):
    """Notes when a job begins and ends; "poison" kills its worker."""

    def work(job):
        with (folder / "log").open("a") as log:
            log.write(f"{job} ")
        if job == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05)
        return job

    return processes.one_by_one(work)


def test_a_second_try_is_made_when_nothing_else_can_be_the_cause(tmp_path):
    jobs = ["a", "poison", "b", "c", "d"]
    done = [job for job, _ in processes.run(iter(jobs), 2, noting, tmp_path)]
    assert sorted(done) == sorted(jobs) and done[-1] == "poison"
    begun = (tmp_path / "log").read_text().split()
    assert begun.count("poison") == 2 and begun[-1] == "poison"


def endless(folder):
    def work(job):
        (folder / str(os.getpid())).touch()
        time.sleep(600)

    return processes.one_by_one(work)


def test_workers_end_with_their_parent_even_in_the_middle_of_a_job(tmp_path):
    folder = tmp_path / "pids"
    folder.mkdir()
    code = f"""
from pathlib import Path
from mraf.pipeline.extraction import processes
from tests.pipeline.extraction.test_processes import endless
if __name__ == "__main__":
    list(processes.run(iter(range(2)), 2, endless, Path({str(folder)!r})))
"""
    (tmp_path / "main.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, tmp_path / "main.py"], env=environment)
    wait_until(lambda: len(list(folder.iterdir())) == 2)
    parent.kill()
    parent.wait()
    pids = [int(path.name) for path in folder.iterdir()]
    wait_until(lambda: not any(is_running(pid) for pid in pids))


def stubborn(marker):
    """Cannot be ended, as a process that waits for a drive that hangs."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def work(jobs):
        marker.touch()
        time.sleep(600)

    return work


def test_a_worker_that_cannot_end_does_not_hold_up_ctrl_c(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, sys\n"
        "from multiprocessing.process import BaseProcess\n"
        "from pathlib import Path\n"
        "from mraf.pipeline.extraction import processes\n"
        "from tests.pipeline.extraction.test_processes import stubborn\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "BaseProcess.kill = lambda self: None\n"
        "processes.CLOSE_SECONDS = 0.1\n"
        "try:\n"
        "    list(processes.run([1], 1, stubborn, Path(sys.argv[1])))\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    run = subprocess.Popen(
        [sys.executable, script, tmp_path / "marker"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    wait_until((tmp_path / "marker").exists)
    run.send_signal(signal.SIGINT)
    out, _ = run.communicate()
    assert (out, run.returncode) == ("interrupted\n", 0)


def first(_):
    return processes.one_by_one(lambda job: job)


def counted(folder):
    (folder / str(os.getpid())).touch()
    return processes.one_by_one(lambda job: -job)


@pytest.mark.parametrize("count", [0, 1])
def test_a_setup_is_called_where_a_batch_needs_it(tmp_path, count):
    """A result makes another batch ready; None says that there is none until then."""
    todo, expected = [], 3

    def batches():
        yield processes.Batch([1, 2, 3])
        while expected or todo:
            yield processes.Batch([todo.pop()], 1) if todo else None

    setups = functools.partial(first, None), functools.partial(counted, tmp_path)
    done = []
    for job, result in processes.run_batches(batches(), count, *setups):
        done.append((job, result))
        if expected:
            assert not list(tmp_path.iterdir())
            todo.append(10 * job)
            expected -= 1
    assert done[:3] == [(1, 1), (2, 2), (3, 3)]
    assert sorted(done[3:]) == [(10, -10), (20, -20), (30, -30)]
    assert len(list(tmp_path.iterdir())) == 1


class Bell:
    """Rings once, and adds a batch then."""

    def __init__(self):
        self.connection, self.there = Pipe(duplex=False)
        self.jobs, self.is_over = [], False

    def answer(self):
        self.connection.recv_bytes()
        self.jobs, self.is_over = [7], True

    def batches(self):
        while not (self.is_over and not self.jobs):
            yield processes.Batch([self.jobs.pop()]) if self.jobs else None


@pytest.mark.parametrize("count", [0, 1])
def test_a_batch_that_another_thread_makes_ready(count):
    bell = Bell()
    threading.Timer(0.05, bell.there.send_bytes, [b"."]).start()
    setup = functools.partial(doubling, 2)
    assert list(processes.run_batches(bell.batches(), count, setup, bell=bell)) == [(7, 14)]


def is_running(pid):
    try:
        # Where nobody collects orphans, they stay as zombies.
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(true, seconds=300):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.parametrize("in_thread", [False, True])
def test_an_interrupt_while_a_worker_starts_is_for_the_parent(tmp_path, in_thread):
    """A terminal sends Ctrl-C to all; here to a child that has yet to import what it needs."""
    (tmp_path / "interrupted.py").write_text(
        "import os, signal\n"
        "from tests.pipeline.extraction.test_processes import doubling\n"
        "if os.environ.setdefault('PARENT', str(os.getpid())) != str(os.getpid()):\n"
        "    print('interrupted', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "def setup():\n"
        "    return doubling()\n"
    )
    script = tmp_path / "script.py"
    script.write_text(
        "import signal, threading, interrupted\n"
        "from mraf.pipeline.extraction import processes\n"
        "def main():\n"
        "    print(list(processes.run(iter([1, 2]), 1, interrupted.setup)))\n"
        + (
            "thread = threading.Thread(target=main); thread.start(); thread.join()\n"
            if in_thread
            else "main()\n"
        )
        + "print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
    )
    assert done.stdout == "interrupted\n[(1, 2), (2, 4)]\nset()\n"
    assert "Traceback" not in done.stderr


def test_a_script_without_a_guard_is_run_once(tmp_path):
    """Spawned processes run the caller's script again, unless it is hidden from them."""
    script = tmp_path / "script.py"
    script.write_text(
        "from mraf.pipeline.extraction.processes import run\n"
        "from tests.pipeline.extraction.test_processes import doubling\n"
        "print('started')\n"
        "print(sorted(result for _, result in run(iter([1, 2, 3]), 2, doubling, 2)))\n"
    )
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=True,
    )
    assert done.stdout.splitlines() == ["started", "[2, 4, 6]"]
