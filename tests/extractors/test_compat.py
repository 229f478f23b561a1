import subprocess
import sys


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
from mraf.extractors.voice.campplus import CampPlus
from mraf.extractors.voice.vad import SpeechFinder
from tests.helpers import seeded
SpeechFinder(), CampPlus(seeded.CAMPPLUS)
print('torchvision' in sys.modules)
"""
    assert run(code) == "False"


def test_nothing_is_done_where_the_real_extensions_load():
    code = """
import ctypes, sys
from mraf.extractors import compat
missing = []
real = ctypes.CDLL
def load(path, *more, **options):
    if 'torchvision' not in path and 'torchaudio' not in path:
        return real(path, *more, **options)
    if 'torch' not in sys.modules:  # the extensions need the libraries of an imported torch
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
from mraf.extractors.voice.vad import SpeechFinder
SpeechFinder()
print(torch.get_num_threads())
"""
    assert run(code) == "2"


def test_torchvision_suppresses_boxes_through_the_shim():
    code = """
from mraf.extractors import compat
compat.prepare('torchvision')
import torch, torchvision
boxes = torch.tensor([[0., 0, 9, 9], [1, 1, 9, 9], [20, 20, 30, 30]])
kept = torchvision.ops.nms(boxes, torch.tensor([0.1, 0.9, 0.5]), 0.5)
print(kept.dtype, kept.tolist())
"""
    assert run(code) == "torch.int64 [1, 2]"
