"""What an installation has: what to look at, or to send along, when something does not work."""

import os
import platform
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mraf import __version__
from mraf.errors import MrafError
from mraf.extractors.encoders import FACE, VOICE

PACKAGES = (
    "torch torchvision torchaudio facenet-pytorch speechbrain dlib-bin Resemblyzer silero-vad openvino av "
    "opencv-python-headless numpy pyarrow"
).split()

Finding = tuple[str, str, str]
"""What was looked at, what was found, and a remark ("" where all is well)."""


def examine(weights_dir: Path | None = None) -> list[Finding]:
    """Look at versions, devices, encoders and weights; nothing is changed or fetched."""
    findings = [
        ("mraf", __version__, ""),
        ("Python", f"{platform.python_version()} on {platform.system()} {platform.machine()}", ""),
        ("cores", str(os.cpu_count()), ""),
    ]
    findings += [_package(name) for name in PACKAGES]
    findings += [_package("ray", "only for --engine ray: pip install 'mraf[ray]'")]
    findings += [_attempt("torch device", _device), _attempt("shims", _shims)]
    encoders = FACE | VOICE
    findings += [_weights(name, weights_dir) for name, row in encoders.items() if row.published]
    findings += [
        _attempt(f"{name} encoder", partial(_build, name))
        for name, row in encoders.items()
        if not row.published
    ]
    return findings


def _package(name: str, remark: str | None = None) -> Finding:
    try:
        return name, version(name), ""
    except PackageNotFoundError:
        return name, "not installed", remark or f"pip install {name}"


def _attempt(name: str, look: Callable[[], str]) -> Finding:
    try:
        return name, look(), ""
    except Exception as error:  # a broken installation may raise anything; that is the finding
        return name, "does not work", f"{type(error).__name__}: {error}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads"


def _shims() -> str:
    from mraf.extractors import compat

    used = compat.prepare()
    return f"in place for {' and '.join(used)}" if used else "not needed"


def _weights(name: str, folder: Path | None) -> Finding:
    from mraf.extractors import weights

    file = weights.PUBLISHED[name]
    path = weights.find(file, folder)
    if path is None:
        return f"{name} weights", "not here", f"mraf weights get {name}"
    try:
        weights.verify(path, file.sha256)
    except MrafError as error:
        return f"{name} weights", "damaged", str(error)
    return f"{name} weights", str(path), ""


def _build(name: str) -> str:
    from mraf.extractors.encoders import EncoderSpec, build

    build(EncoderSpec(name))
    return "works"
