import logging
import os
import time

import numpy as np
import pytest
import torch

from mraf.extractors import openvino as graphs


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


def test_a_graph_is_converted_once_and_gives_what_the_module_gives():
    made = []
    for _ in range(2):
        doubled, total = graphs.load("net", "seed 1", builder(made))(X)
        assert np.array_equal(doubled, 2 * X) and np.array_equal(total, X.sum(1))
    assert made == [2.0]


def test_results_stay_what_they_are_after_the_next_call():
    network = graphs.load("net", "seed 1", builder([]))
    first = network(X)[0]
    network(X + 1)
    assert np.array_equal(first, 2 * X)


def test_other_weights_are_another_graph():
    made = []
    graphs.load("net", "seed 1", builder(made))
    assert np.array_equal(graphs.load("net", "seed 2", builder(made, 3.0))(X)[0], 3 * X)
    assert made == [2.0, 3.0]


@pytest.mark.parametrize("file", ["graph.xml", "graph.bin", "digest"])
def test_a_damaged_graph_is_converted_anew(own_cache, caplog, file):
    made = []
    graphs.load("net", "seed 1", builder(made))
    (path,) = own_cache.glob(f"net-*/{file}")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    assert np.array_equal(graphs.load("net", "seed 1", builder(made))(X)[0], 2 * X)
    assert len(made) == 2 and "damaged" in caplog.text
    graphs.load("net", "seed 1", builder(made))
    assert len(made) == 2


def test_what_a_killed_conversion_left_is_cleared_away(own_cache):
    (own_cache / ".making-1").mkdir(parents=True)
    graphs.load("net", "seed 1", builder([]))
    assert not list(own_cache.glob(".making-*"))


def aged(days: float, own_cache, before: set = frozenset()):
    """The graph that is new in the cache, as if it had not been used for so many days."""
    (folder,) = set(own_cache.glob("*-*")) - before
    then = time.time() - days * 86_400
    os.utime(folder / "digest", (then, then))
    return folder


def test_a_conversion_removes_graphs_of_the_network_that_nobody_uses(own_cache):
    kept = set()
    for name, source, days in (("net", "seed 1", 29), ("net-2", "seed 1", 400)):
        graphs.load(name, source, builder([]))
        kept.add(aged(days, own_cache, kept))
    (own_cache / "net-of-mine").mkdir()
    kept.add(own_cache / "net-of-mine")
    graphs.load("net", "seed 2", builder([]))
    old = aged(31, own_cache, kept)
    graphs.load("net", "seed 3", builder([]))
    assert not old.exists() and all(each.exists() for each in kept)


def test_a_graph_that_is_used_is_kept(own_cache):
    made = []
    graphs.load("net", "seed 1", builder(made))
    old = aged(400, own_cache)
    graphs.load("net", "seed 1", builder(made))
    graphs.load("net", "seed 2", builder(made))
    assert old.exists()
    graphs.load("net", "seed 1", builder(made))
    assert len(made) == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_no_obstacle(own_cache):
    own_cache.mkdir()
    own_cache.chmod(0o500)
    assert np.array_equal(graphs.load("net", "seed 1", builder([]))(X)[0], 2 * X)


def test_a_cache_that_cannot_be_there_is_no_obstacle(own_cache, caplog):
    own_cache.write_text("a file in place of the folder")
    with caplog.at_level(logging.WARNING):
        assert np.array_equal(graphs.load("net", "seed 1", builder([]))(X)[0], 2 * X)
    assert "cannot be kept here" in caplog.text


def test_on_a_device_of_torch_the_module_runs_itself(own_cache):
    doubled, total = graphs.load("net", "seed 1", builder([]), device="cpu:0")(X)
    assert np.array_equal(doubled, 2 * X) and np.array_equal(total, X.sum(1))
    assert not own_cache.exists()
