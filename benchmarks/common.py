"""Shared by benchmarks: encoders with untrained weights, and processes watched through /proc."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


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


def environment() -> dict[str, str]:
    """Return the environment of a process that imports the modules of this tree."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def run(command: list[str], clips: list[Path]) -> dict[str, Any]:
    """Run a fresh Python with the clips on stdin and its start as STARTED; return its last line."""
    done = subprocess.run(
        [sys.executable, *command],
        input="\n".join(map(str, clips)),
        capture_output=True,
        text=True,
        env=environment() | {"STARTED": str(time.monotonic())},
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


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
