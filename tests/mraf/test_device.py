import pytest
import torch

from mraf import device as module
from mraf.device import choose_device
from mraf.errors import UsageError


@pytest.fixture
def gpu(monkeypatch):
    """Put the signs of a GPU in place."""
    monkeypatch.setattr(module, "_exists", lambda path: path == "/dev/nvidiactl")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    module._warn.cache_clear()


def test_without_signs_of_a_gpu_torch_is_not_asked(monkeypatch):
    monkeypatch.setattr(module, "_exists", lambda path: False)
    monkeypatch.setattr(torch.cuda, "is_available", None)
    assert choose_device("auto") == "cpu"


def test_where_a_system_shows_no_signs_torch_is_asked(monkeypatch):
    asked = []
    monkeypatch.setattr(module.sys, "platform", "win32")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: asked.append(1) or False)
    assert choose_device("auto") == "cpu" and asked


def test_signs_of_a_gpu_that_torch_does_not_see_are_not_enough(gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == "cpu"


def test_a_gpu_that_works_is_taken(gpu, monkeypatch):
    ones = torch.ones
    monkeypatch.setattr(torch, "ones", lambda size, device: ones(size))
    assert choose_device("auto") == "cuda"
    assert choose_device("cuda:1") == "cuda:1"
    assert choose_device("cpu") == "cpu"


def test_a_gpu_that_this_torch_was_not_built_for_is_left_alone(gpu, monkeypatch, caplog):
    def no_kernels(*_, device):
        raise RuntimeError("CUDA error: no kernel image is available\nMore")

    monkeypatch.setattr(torch, "ones", no_kernels)
    assert choose_device("auto") == "cpu"
    assert "no kernel image is available): using the CPU" in caplog.text
    with pytest.raises(
        UsageError, match=r"'cuda' cannot be used here \(CUDA error: no kernel.*\); try auto or cpu"
    ):
        choose_device("cuda")


def test_a_device_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="'abacus' cannot be used here"):
        choose_device("abacus")
