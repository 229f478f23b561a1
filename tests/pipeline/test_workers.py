import os
import signal
import time

import pytest

from mraf.errors import MissingError, MrafError
from pipeline import workers


def doubling(factor=2):
    return lambda job: job * factor


def dying(marker):
    """Dies of the job "poison" always, of "fragile" the first time."""

    def work(job):
        if job == "poison" or (job == "fragile" and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return job.upper()

    return work


def failing():
    raise MissingError("no weights")


def reporting():
    return lambda job: (os.getpid(), os.environ.get("OMP_NUM_THREADS"), time.sleep(0.2))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_every_job_is_done_once(count):
    done = dict(workers.run(iter(range(20)), count, doubling, 3))
    assert done == {job: job * 3 for job in range(20)}


def test_no_jobs_start_no_workers():
    assert list(workers.run(iter([]), 2, failing)) == []


def test_work_is_shared_and_each_worker_has_one_thread():
    done = [result for _, result in workers.run(iter(range(6)), 2, reporting)]
    assert len({pid for pid, *_ in done}) == 2
    assert {threads for _, threads, _ in done} == {"1"}


def test_a_job_that_kills_its_worker_twice_is_given_up_and_the_rest_is_done(tmp_path):
    jobs = ["a", "poison", "b", "fragile", "c"]
    done = dict(workers.run(iter(jobs), 2, dying, tmp_path / "marker"))
    assert {job for job in jobs if isinstance(done[job], str)} >= {"a", "b", "c"}
    assert isinstance(done["poison"], workers.WorkerDiedError)
    assert "killed" in str(done["poison"])


def test_a_job_that_kills_its_worker_once_is_done_the_second_time(tmp_path):
    assert dict(workers.run(iter(["fragile"]), 1, dying, tmp_path / "marker")) == {
        "fragile": "FRAGILE"
    }


@pytest.mark.parametrize("count", [0, 2])
def test_an_error_of_the_setup_is_raised_here(count):
    with pytest.raises(MissingError, match="no weights"):
        list(workers.run(iter(range(3)), count, failing))


def test_leaving_early_stops_the_workers():
    running = workers.run(iter(range(1000)), 2, reporting)
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

    running = workers.run(jobs(), 2, doubling)
    next(running)
    assert len(taken) < 10
    running.close()


def raising():
    def work(job):
        if job == 2:
            raise ZeroDivisionError("surprise")
        return job

    return work


def broken():
    raise ImportError("libcuda is not there")


@pytest.mark.parametrize("count", [0, 2])
def test_a_job_that_raises_is_one_result_and_ends_nothing(count):
    done = dict(workers.run(iter(range(5)), count, raising))
    assert isinstance(done.pop(2), workers.JobError)
    assert done == {0: 0, 1: 1, 3: 3, 4: 4}


def test_a_setup_that_cannot_work_is_reported_once():
    with pytest.raises(MrafError, match=r"cannot start: ImportError: libcuda.*mraf doctor"):
        list(workers.run(iter(range(8)), 2, broken))
