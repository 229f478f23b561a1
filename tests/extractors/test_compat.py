import subprocess
import sys

import pytest
import torch

from mraf.extractors import compat


def run(code: str) -> str:
    """Run code in an interpreter of its own: what is imported here cannot be un-imported."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_libraries_of_the_encoders_import_after_prepare():
    code = """
from mraf.extractors import compat
compat.prepare()
import torchaudio, torchvision
from facenet_pytorch import MTCNN, InceptionResnetV1
from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN
print(torchaudio.functional.resample.__name__)
"""
    assert run(code) == "resample"


def test_prepare_is_idempotent_and_leaves_torch_threads_alone():
    code = """
import torch
torch.set_num_threads(2)
from mraf.extractors import compat
print(compat.prepare() == compat.prepare(), torch.get_num_threads())
"""
    assert run(code) == "True 2"


def test_importing_the_package_does_not_install_the_shims():
    assert run("import sys, mraf.extractors.compat; print('torchvision' in sys.modules)") == "False"


def test_sound_does_not_wait_for_torchvision():
    code = """
import sys
from mraf.extractors.voice.encoders import GE2E, SpeechFinder
SpeechFinder(), GE2E()
print('torchvision' in sys.modules, 'torchaudio' in sys.modules)
"""
    assert run(code) == "False True"


def test_nothing_is_done_where_the_real_extensions_load():
    code = """
import ctypes, sys
from mraf.extractors import compat
missing = []
real = ctypes.CDLL
def load(path, *more, **options):
    if 'torchvision' not in path and 'torchaudio' not in path:
        return real(path, *more, **options)
    if 'torch' not in sys.modules:  # the extensions find torch's libraries only beside torch
        missing.append(path)
        raise OSError('libc10.so: cannot open shared object file')
ctypes.CDLL = load
print(compat.prepare(), 'torchaudio._extension' in sys.modules, compat._keep, missing)
"""
    assert run(code) == "[] False [] []"


def test_silero_does_not_change_the_threads():
    code = """
import torch
torch.set_num_threads(2)
from mraf.extractors.voice.encoders import SpeechFinder
SpeechFinder()
print(torch.get_num_threads())
"""
    assert run(code) == "2"


def brute_force_nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda k: -scores[k].item()):
        if all(iou(boxes[i], boxes[j]) <= threshold for j in kept):
            kept.append(i)
    return kept


def iou(a: torch.Tensor, b: torch.Tensor) -> float:
    width = max(0.0, min(a[2], b[2]).item() - max(a[0], b[0]).item())
    height = max(0.0, min(a[3], b[3]).item() - max(a[1], b[1]).item())
    area = [((x[2] - x[0]) * (x[3] - x[1])).item() for x in (a, b)]
    union = sum(area) - width * height
    return width * height / union if union > 0 else 0.0


@pytest.mark.parametrize("seed", range(5))
def test_nms_equals_a_brute_force_one(seed):
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(60, 2, generator=generator) * 50
    boxes = torch.cat([corner, corner + torch.rand(60, 2, generator=generator) * 30], dim=1)
    scores = torch.rand(60, generator=generator)
    for threshold in (0.3, 0.5, 0.7):
        assert compat.nms(boxes, scores, threshold).tolist() == brute_force_nms(
            boxes, scores, threshold
        )


def test_nms_of_nothing_and_of_boxes_without_area():
    empty = compat.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert empty.shape == (0,) and empty.dtype == torch.int64
    points = torch.zeros(3, 4)
    assert compat.nms(points, torch.tensor([0.1, 0.3, 0.2]), 0.5).tolist() == [1, 2, 0]
