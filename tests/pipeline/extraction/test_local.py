from mraf.pipeline.extraction import local as module
from mraf.pipeline.extraction.local import CLIPS_AT_ONCE, LocalEngine, local_engine


def with_gpu(monkeypatch, cores):
    monkeypatch.setattr(module, "choose_device", lambda name: "cuda" if name == "auto" else name)
    monkeypatch.setattr(module, "available_cores", lambda: cores)


def test_on_a_cpu_each_core_has_a_worker_with_one_clip(monkeypatch):
    monkeypatch.setattr(module, "available_cores", lambda: 6)
    monkeypatch.setattr(module, "choose_device", lambda name: "cpu")
    assert local_engine() == LocalEngine(device="cpu", workers=6, decoders=1, at_once=1)
    assert local_engine("cpu", 3) == LocalEngine(device="cpu", workers=3, decoders=1, at_once=1)
    assert local_engine("cpu", 0) == LocalEngine(device="cpu", workers=0, decoders=1, at_once=1)


def test_a_gpu_is_shared_by_few_workers_with_many_decoders(monkeypatch):
    with_gpu(monkeypatch, 16)
    assert local_engine("auto") == LocalEngine(
        device="cuda", workers=2, decoders=8, at_once=CLIPS_AT_ONCE
    )
    assert local_engine("cuda", 4) == LocalEngine(
        device="cuda", workers=4, decoders=4, at_once=CLIPS_AT_ONCE
    )
    assert local_engine("cuda", 0) == LocalEngine(
        device="cuda", workers=0, decoders=16, at_once=CLIPS_AT_ONCE
    )
    assert local_engine("cpu") == LocalEngine(device="cpu", workers=16, decoders=1, at_once=1)
    with_gpu(monkeypatch, 128)
    assert local_engine("auto", 1).decoders == CLIPS_AT_ONCE
    with_gpu(monkeypatch, 1)
    assert local_engine("auto") == LocalEngine(
        device="cuda", workers=1, decoders=1, at_once=CLIPS_AT_ONCE
    )
