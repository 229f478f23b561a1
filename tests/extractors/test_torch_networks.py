"""Networks as torch modules, as they run on a GPU; what needs none runs on the CPU too."""

import warnings
from functools import partial

import numpy as np
import pytest
import torch

from mraf.errors import MrafError
from mraf.extractors import openvino
from mraf.extractors.face.detect import FaceFinder
from mraf.extractors.face.facenet import FaceNet
from mraf.extractors.media.read import SAMPLE_RATE, read_video
from mraf.extractors.openvino import TorchNetwork
from mraf.extractors.voice.campplus import CampPlus
from mraf.extractors.voice.ecapa import Ecapa
from tests.helpers import seeded
from tests.helpers.media_files import tone

CROPS = np.random.default_rng(0).integers(0, 256, (3, 160, 160, 3), np.uint8)
X = np.arange(40, dtype=np.float32).reshape(10, 4)


class Doubling(torch.nn.Module):
    """A network that keeps the sizes of its batches, and has no room for more than some clips."""

    def __init__(self, room: int = 100) -> None:
        super().__init__()
        self.room, self.batches = room, []

    def forward(self, x):
        self.batches.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nMore")
        return 2 * x, x.sum(dim=1)


@pytest.mark.parametrize("x", [X[::-1], X.T.copy().T, X[:, ::2]], ids=["backwards", "T", "gaps"])
def test_any_array_goes_in(torch_device, x):
    x.flags.writeable = False
    network = TorchNetwork(Doubling(), torch_device)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        doubled, total = network(x)
    assert np.array_equal(doubled, 2 * x) and np.array_equal(total, x.sum(axis=1))
    assert doubled.dtype == total.dtype == np.float32


def test_a_batch_without_room_goes_through_in_halves(torch_device):
    module = Doubling(room=3)
    doubled, total = TorchNetwork(module, torch_device)(X)
    assert np.array_equal(doubled, 2 * X) and np.array_equal(total, X.sum(axis=1))
    assert module.batches == [10, 5, 2, 3, 5, 2, 3]


def test_a_clip_without_room_says_what_helps(torch_device):
    with pytest.raises(MrafError, match=r"no room.*Tried to allocate 2.00 GiB.*--workers 1"):
        TorchNetwork(Doubling(room=0), torch_device)(X)


def test_a_device_without_kernels_is_refused_before_the_first_clip(monkeypatch):
    def no_kernels(*_, **__):
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\n")

    monkeypatch.setattr(torch, "ones", no_kernels)
    with pytest.raises(MrafError, match="'net' cannot be set up on 'cpu:0'.*no kernel image"):
        openvino.load("net", "1", lambda: (Doubling(), ()), device="cpu:0")


class Settings(torch.nn.Module):
    """A network that keeps the settings it runs under."""

    def forward(self, x):
        kind = x.device.type
        self.found = (torch.backends.cudnn.allow_tf32, torch.is_autocast_enabled(kind))
        return x


def test_single_precision_is_kept_from_tf32_and_the_callers_settings_come_back(torch_device):
    before = torch.backends.cudnn.allow_tf32
    module = Settings()
    TorchNetwork(module, torch_device)(X)
    assert module.found == (False, torch_device == "cuda")
    assert torch.backends.cudnn.allow_tf32 == before and not torch.is_autocast_enabled("cuda")


@pytest.fixture
def half(monkeypatch):
    """Has torch modules run in half precision on the CPU too."""
    monkeypatch.setattr(openvino, "TorchNetwork", partial(TorchNetwork, half=torch.float16))


def test_half_precision_gives_the_faces_of_single_precision(torch_device, half):
    frames = np.random.default_rng(0).integers(0, 256, (3, 200, 180, 3), np.uint8)
    boxes = np.tile([10.0, 10.0, 170.0, 190.0], (3, 1))
    found = FaceNet(seeded.FACENET, torch_device).embed(list(frames), boxes)
    expected = FaceNet(seeded.FACENET).embed(list(frames), boxes)
    assert found.dtype == np.float32 and (cosines(found, expected) >= 0.999).all()


@pytest.mark.parametrize(
    ("encoder", "weights"),
    [(Ecapa, seeded.ECAPA), (CampPlus, seeded.CAMPPLUS)],
    ids=["ecapa", "campplus"],
)
def test_half_precision_gives_the_voices_of_single_precision(torch_device, half, encoder, weights):
    """Of noise, and of a tone that is loud next to the noise behind it."""
    noise = np.random.default_rng(0).normal(size=SAMPLE_RATE).astype(np.float32)
    loud = tone(1.0)[:SAMPLE_RATE] + 3e-4 * noise * (np.arange(SAMPLE_RATE) > 8_000)
    waves = [0.1 * noise, loud.astype(np.float32)]
    found, expected = encoder(weights, torch_device).embed(waves), encoder(weights).embed(waves)
    assert found.dtype == np.float32 and (cosines(found, expected) >= 0.999).all()


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_faces_are_found_in_the_same_places(torch_device, sample_videos):
    clips = [
        read_video(video, frames=2, max_seconds=10.0).frames
        for video in sorted(sample_videos.rglob("*.mp4"))[::9]
    ]
    expected, found = (FaceFinder(device).find(clips) for device in ("cpu:0", torch_device))
    sure = [
        [faces.boxes[faces.probability > 0.9] for clip in each for faces in clip]
        for each in (expected, found)
    ]
    assert sum(map(len, sure[0])) >= 4
    for one, other in zip(*sure, strict=True):
        assert np.allclose(one, other, atol=1.5)  # pixels


@pytest.fixture
def little_room():
    """A GPU of which this process may use 300 MB more than now."""
    if not torch.cuda.is_available():
        pytest.skip("no GPU that torch can use")
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 300e6) / total)
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)


@pytest.mark.cuda
def test_on_a_gpu_with_little_room_a_large_batch_gives_the_same(little_room, monkeypatch):
    crops = np.tile(CROPS, (256, 1, 1, 1))  # half precision takes about a gigabyte
    network, calls = FaceNet(seeded.FACENET, "cuda")._net, []
    run = network._run
    monkeypatch.setattr(network, "_run", lambda arrays: calls.append(len(arrays[0])) or run(arrays))
    (found,) = network(crops)
    assert len(calls) > 1 and calls[0] == len(crops)
    assert (cosines(found, np.tile(found[:3], (256, 1))) >= 0.999).all()


@pytest.mark.cuda
def test_on_a_gpu_nothing_stays_of_a_batch():
    if not torch.cuda.is_available():
        pytest.skip("no GPU that torch can use")
    network = FaceNet(seeded.FACENET, "cuda")._net
    network(CROPS)
    before = torch.cuda.memory_allocated()
    for count in (1, 2, 3, 2, 1):
        network(CROPS[:count])
    assert torch.cuda.memory_allocated() == before
