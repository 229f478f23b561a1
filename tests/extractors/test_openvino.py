import logging
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from filelock import FileLock

from mraf.extractors import openvino


class Doubling(torch.nn.Module):
    """A network small enough to convert in every test."""

    def __init__(self, factor: float = 2.0) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return x * self.factor, x.sum(dim=1)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MRAF_GRAPHS", str(tmp_path / "graphs"))
    return tmp_path / "graphs"


def builder(made: list, factor: float = 2.0):
    def build():
        made.append(factor)
        return Doubling(factor).eval(), (torch.zeros(2, 3),)

    return build


X = np.arange(8, dtype=np.float32).reshape(2, 4)


def test_a_network_is_converted_once_and_gives_what_the_module_gives():
    made = []
    for _ in range(2):
        doubled, total = openvino.load("net", "seed 1", builder(made))(X)
        assert np.array_equal(doubled, 2 * X) and np.array_equal(total, X.sum(1))
    assert made == [2.0]


def test_results_stay_what_they_are_after_the_next_call():
    network = openvino.load("net", "seed 1", builder([]))
    first = network(X)[0]
    network(X + 1)
    assert np.array_equal(first, 2 * X)


def test_other_weights_are_converted_apart():
    made = []
    openvino.load("net", "seed 1", builder(made))
    assert np.array_equal(openvino.load("net", "seed 2", builder(made, 3.0))(X)[0], 3 * X)
    assert made == [2.0, 3.0]


@pytest.mark.parametrize("file", ["graph.xml", "graph.bin", "digest"])
def test_a_damaged_network_is_converted_anew(own_cache, caplog, file):
    made = []
    openvino.load("net", "seed 1", builder(made))
    (path,) = own_cache.glob(f"net-*/{file}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert np.array_equal(openvino.load("net", "seed 1", builder(made))(X)[0], 2 * X)
    assert len(made) == 2 and "damaged" in caplog.text
    openvino.load("net", "seed 1", builder(made))
    assert len(made) == 2


def test_what_a_killed_conversion_left_is_cleared_away(own_cache):
    (own_cache / ".making-1").mkdir(parents=True)
    openvino.load("net", "seed 1", builder([]))
    assert not list(own_cache.glob(".making-*"))


def test_processes_that_convert_at_once_convert_in_turn(own_cache):
    """The second waits at the lock, and finds what the first has made."""
    own_cache.mkdir()
    with FileLock(own_cache / ".lock") as lock:
        waiting = subprocess.Popen(
            [sys.executable, "-c", WAITING, str(own_cache)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
            text=True,
        )
        assert waiting.stdout.readline() == "at the lock\n"
        model = openvino._convert("net", builder([]))
        openvino._write(own_cache / f"net-{openvino._key('net', 'seed 1')}", model)
        lock.release()
        assert waiting.communicate()[0] == "not converted\n"
    assert waiting.returncode == 0


WAITING = """
import sys
import filelock
from mraf.extractors import openvino
acquire = filelock.FileLock.acquire
def watched(self, *args, **more):
    print("at the lock", flush=True)
    return acquire(self, *args, **more)
filelock.FileLock.acquire = watched
openvino._cached("net", "seed 1", lambda: sys.exit("converted"))
print("not converted")
"""


def test_a_file_system_without_locks_is_no_obstacle(monkeypatch, caplog):
    def no_locks(*_, **__):
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr("filelock.FileLock.acquire", no_locks)
    assert np.array_equal(openvino.load("net", "seed 1", builder([]))(X)[0], 2 * X)
    assert "cannot be kept here" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_no_obstacle(own_cache):
    own_cache.mkdir()
    own_cache.chmod(0o500)
    assert np.array_equal(openvino.load("net", "seed 1", builder([]))(X)[0], 2 * X)


def test_a_cache_that_cannot_be_there_is_no_obstacle(own_cache, caplog):
    own_cache.write_text("a file in place of the folder")
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(openvino.load("net", "seed 1", builder([]))(X)[0], 2 * X)
    assert "cannot be kept here" in caplog.text


def test_on_a_device_of_torch_the_module_runs_itself(own_cache):
    doubled, total = openvino.load("net", "seed 1", builder([]), device="cpu:0")(X)
    assert np.array_equal(doubled, 2 * X) and np.array_equal(total, X.sum(1))
    assert not own_cache.exists()
