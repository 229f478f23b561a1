import torch

from mraf.pipeline.extraction import machine as module
from mraf.pipeline.extraction.machine import CLIPS_AT_ONCE, Plan, plan


def with_gpu(monkeypatch, cores):
    monkeypatch.setattr(module, "_exists", lambda path: path == "/dev/nvidiactl")
    monkeypatch.setattr("mraf.network.loop.choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr(module, "available_cores", lambda: cores)


def test_on_a_cpu_each_core_has_a_worker_with_one_clip(monkeypatch):
    monkeypatch.setattr(module, "available_cores", lambda: 6)
    monkeypatch.setattr(module, "_exists", lambda path: False)
    assert plan() == Plan("auto", 6, 1, 1)
    assert plan("cpu", 3) == Plan("cpu", 3, 1, 1)
    assert plan("cpu", 0) == Plan("cpu", 0, 1, 1)


def test_without_signs_of_a_gpu_torch_is_not_asked(monkeypatch):
    monkeypatch.setattr(module, "_exists", lambda path: False)
    monkeypatch.setattr("mraf.network.loop.choose_device", None)
    plan("auto")


def test_a_gpu_is_shared_by_few_workers_with_many_decoders(monkeypatch):
    with_gpu(monkeypatch, 16)
    assert plan("auto") == Plan("auto", 2, 8, CLIPS_AT_ONCE)
    assert plan("cuda", 4) == Plan("cuda", 4, 4, CLIPS_AT_ONCE)
    assert plan("cuda", 0) == Plan("cuda", 0, 16, CLIPS_AT_ONCE)
    assert plan("cpu") == Plan("cpu", 16, 1, 1)
    with_gpu(monkeypatch, 128)
    assert plan("auto", 1).decoders == CLIPS_AT_ONCE
    with_gpu(monkeypatch, 1)
    assert plan("auto") == Plan("auto", 1, 1, CLIPS_AT_ONCE)
