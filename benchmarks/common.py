"""Shared by benchmarks: the machine, encoders with untrained weights, processes watched in /proc."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
INSTRUCTIONS = {"amx": "amx_bf16", "avx512": "avx512f", "avx2": "avx2"}
"""Instruction sets that decide the speed, and Linux's names of them."""


def machine(device: str = "cpu") -> str:
    """Return a line about this machine and the date, for the head of a table."""
    from mraf.extractors import processor
    from mraf.pipeline.extraction.processes import available_cores

    flags = [short for short, name in INSTRUCTIONS.items() if name in processor.flags()]
    has = "/".join(flags) or "none of " + "/".join(INSTRUCTIONS)
    parts = [str(datetime.now(UTC).date()), processor.name(), f"{available_cores()} cores ({has})"]
    if device != "cpu":
        import torch

        if torch.cuda.is_available():
            memory = torch.cuda.get_device_properties(device).total_memory / 2**30
            cuda = f"{memory:.0f} GiB, CUDA {torch.version.cuda}"
            parts.append(f"{torch.cuda.get_device_name(device)} ({cuda})")
        else:
            parts.append(f"torch modules on {device}")
    parts.append(f"Python {platform.python_version()}")
    return ", ".join([*parts, *(f"{name} {_version(name)}" for name in ("torch", "openvino"))])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def row(*cells: object) -> str:
    """Return a line of a table in Markdown."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*cells: object) -> str:
    """Return the first two lines of a table in Markdown."""
    return f"{row(*cells)}\n|{'---|' * len(cells)}"


def precisions(given: list[str] | None) -> list[str]:
    """Return the precisions to measure: those given, or those that are fast on this processor."""
    from mraf.extractors import processor

    return given or (["single", "bfloat16"] if processor.has_amx() else ["single"])


def networks() -> tuple[Any, Any]:
    """Return InceptionResnetV1 and ECAPA-TDNN, untrained."""
    from mraf.extractors import compat

    compat.prepare()
    import torch
    from facenet_pytorch import InceptionResnetV1
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    torch.manual_seed(0)
    ecapa = ECAPA_TDNN(80, channels=[1024, 1024, 1024, 1024, 3072])  # the rest are its defaults
    return InceptionResnetV1(pretrained=None).eval(), ecapa.eval()


def write_weights(folder: Path) -> None:
    """Write random weights: facenet.pt and ecapa.pt."""
    import torch

    facenet, ecapa = networks()
    torch.save(facenet.state_dict(), folder / "facenet.pt")
    torch.save(ecapa.state_dict(), folder / "ecapa.pt")


def pair_of(folder: Path) -> Any:
    """Return the encoders with the weights in a folder."""
    from mraf.extractors.encoders import EncoderPair, EncoderSpec
    from mraf.extractors.weights import sha256_of

    specs = []
    for name in ("facenet", "ecapa"):
        file = folder / f"{name}.pt"
        digest = file.with_suffix(".sha256")
        if not digest.is_file():
            digest.write_text(sha256_of(file))
        specs.append(EncoderSpec(name=name, weights=file, sha256=digest.read_text()))
    return EncoderPair(face=specs[0], voice=specs[1])


def campplus() -> Any | None:
    """Return CAM++ with its published weights; None where neither MRAF_WEIGHTS nor the cache has them."""
    from mraf.extractors import weights
    from mraf.extractors.encoders import EncoderSpec

    file = weights.PUBLISHED.get("campplus")
    path = weights.find(file) if file else None
    return EncoderSpec(name="campplus", weights=path, sha256=file.sha256) if file and path else None


def environment() -> dict[str, str]:
    """Return the environment of a process that imports the modules of this tree first."""
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}


def run(command: list[str], clips: list[Path]) -> dict[str, Any]:
    """Run a fresh Python with the clips on stdin and its start as STARTED; return its last line."""
    found = attempt(command, clips)
    if isinstance(found, str):
        sys.exit(found)
    return found


def attempt(command: list[str], clips: list[Path]) -> dict[str, Any] | str:
    """Run as `run` does; return what the process wrote to stderr where it fails."""
    done = subprocess.run(
        [sys.executable, *command],
        input="\n".join(map(str, clips)),
        capture_output=True,
        text=True,
        env=environment() | {"STARTED": str(time.monotonic())},
        check=False,
    )
    return done.stderr if done.returncode else json.loads(done.stdout.splitlines()[-1])


def processes() -> Iterator[tuple[int, list[str]]]:
    """Yield every process: its id, and the fields of its `stat` from the state on."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text()
            except OSError:  # it has just ended
                continue
            yield int(folder.name), text.rpartition(")")[2].split()


def command_line(pid: int) -> str:
    """Return the command line of a process; empty where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def peak_memory(pid: int | None) -> int:
    """Return the peak resident memory of a process in bytes; 0 where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) << 10 if peaks else 0
