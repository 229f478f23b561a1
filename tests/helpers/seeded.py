"""Networks of the published encoders with weights from a generator: same shapes, no download."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from mraf.extractors import compat
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.weights import Weights, sha256_of


def facenet() -> Any:
    """InceptionResnetV1 in eval mode."""
    compat.prepare()
    from facenet_pytorch import InceptionResnetV1

    torch.manual_seed(0)
    return InceptionResnetV1(pretrained=None, classify=False).eval()


def facenet_state() -> dict[str, Any]:
    """A state like that of the published file, with the classifier of its training identities."""
    classifier = {"logits.weight": torch.zeros(8631, 512), "logits.bias": torch.zeros(8631)}
    return facenet().state_dict() | classifier


def ecapa() -> Any:
    """ECAPA-TDNN in eval mode."""
    compat.prepare()
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    torch.manual_seed(0)
    return ECAPA_TDNN(
        80,
        channels=[1024, 1024, 1024, 1024, 3072],
        kernel_sizes=[5, 3, 3, 3, 1],
        dilations=[1, 2, 3, 4, 1],
        attention_channels=128,
        lin_neurons=192,
    ).eval()


def campplus() -> Any:
    """CAM++ in eval mode, with statistics of batches as if it had been trained."""
    from mraf.extractors.voice.campplus_network import CampPlusNetwork

    torch.manual_seed(0)
    return _as_if_trained(CampPlusNetwork())


def lr_asd() -> Any:
    """LR-ASD in eval mode, with statistics of batches as if it had been trained."""
    from mraf.extractors.speaking.lr_asd_network import LrAsdNetwork

    torch.manual_seed(0)
    net = _as_if_trained(LrAsdNetwork())
    for part in net.modules():  # what goes in makes itself felt at the end
        if isinstance(part, torch.nn.Conv1d | torch.nn.Conv2d | torch.nn.Conv3d):
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
    return net


def _as_if_trained(net: Any) -> Any:
    for part in net.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 2)
    return net.eval()


FACENET = Weights(sha256="seeded 0", load=facenet_state)
ECAPA = Weights(sha256="seeded 0", load=lambda: ecapa().state_dict())
CAMPPLUS = Weights(sha256="seeded 0", load=lambda: campplus().state_dict())
LR_ASD = Weights(sha256="seeded 1", load=lambda: lr_asd().state_dict())


@cache
def pair() -> EncoderPair:
    """dlib, which comes trained, and CAM++ with weights from a generator, in a file of this process."""
    folder = Path(tempfile.mkdtemp(prefix="mraf-seeded-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    file = folder / "campplus.pt"
    torch.save(campplus().state_dict(), file)
    voice = EncoderSpec(name="campplus", weights=file, sha256=sha256_of(file))
    return EncoderPair(face=EncoderSpec(name="dlib"), voice=voice)


def write_pair(folder: Path) -> EncoderPair:
    """Write the weights of both into a folder; return the encoders that have them."""
    torch.save(facenet_state(), folder / "facenet.pt")
    torch.save(ECAPA.load(), folder / "ecapa.pt")
    files = [(name, folder / f"{name}.pt") for name in ("facenet", "ecapa")]
    specs = [EncoderSpec(name=n, weights=file, sha256=sha256_of(file)) for n, file in files]
    return EncoderPair(face=specs[0], voice=specs[1])
