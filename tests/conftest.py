"""Shared fixtures: where real clips lie, and a skip with the reason where they do not."""

import fcntl
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from mraf.extractors.encoders import EncoderPair

hypothesis.settings.register_profile("no timing", deadline=None)  # a busy machine is no bug
hypothesis.settings.load_profile("no timing")

pytest.register_assert_rewrite(
    "tests.helpers.format_files"
)  # its checks tell what they found, as tests do

# Test processes run side by side; threads of torch in each would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Converted networks stay in pytest's own cache: the user's is not touched."""
    os.environ.setdefault("MRAF_GRAPHS", str(config.cache.mkdir("graphs")))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that ask for the packaged encoders, or for what these made, need their weights."""
    for item in items:
        if "packaged" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.weights)


def pytest_runtest_setup() -> None:
    """Let hypothesis ask every module for its file: some of speechbrain's would import themselves."""
    lazy = sys.modules.get("speechbrain.utils.importutils")
    for module in list(sys.modules.values()) if lazy else ():
        if isinstance(module, lazy.LazyModule) and "__file__" not in vars(module):
            module.__file__ = None


SHARED = Path(os.environ.get("MRAF_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(params=["cpu:0", pytest.param("cuda", marks=pytest.mark.cuda)])
def torch_device(request) -> str:
    """A device on which networks run as torch modules: the CPU, and a GPU where there is one."""
    if request.param == "cuda":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no GPU that torch can use")
    return request.param


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """Real clips, `<speaker>/<language>/<recording>/<clip>.mp4`."""
    folder = SHARED / "data" / "videos"
    if not folder.is_dir():
        pytest.skip(
            f"no real clips at {folder} (set MRAF_SHARED to the folder that holds data/videos)"
        )
    return folder


@pytest.fixture(scope="session")
def golden() -> Path:
    """Inputs and outputs of the authors' own implementations."""
    folder = SHARED / "data" / "golden"
    if not folder.is_dir():
        pytest.skip(f"no {folder} (set MRAF_SHARED to the folder that holds data/golden)")
    return folder


def made_once(tmp_path_factory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder filled by the first test process that asks for it, and shared by the others."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if os.environ.get("PYTEST_XDIST_WORKER") else root
    folder = root / f"shared-{name}"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            make(root / f"{name}.part")
            (root / f"{name}.part").rename(folder)
    return folder


@pytest.fixture(scope="session")
def sample_videos(tmp_path_factory) -> Path:
    """Videos of four people who do not exist: three recordings of English and one of Urdu."""
    from mraf.data.sample.make import SampleOptions, make_sample

    options = SampleOptions(speakers=4, recordings=(3, 1), clips=2)
    return made_once(tmp_path_factory, "sample", lambda folder: make_sample(folder, options))


@pytest.fixture(scope="session")
def packaged() -> "EncoderPair":
    """The encoders that the package index is enough for; skips where the weights of CAM++ are absent."""
    from mraf.extractors.encoders import EncoderPair, EncoderSpec
    from tests.helpers.real_people import published

    return EncoderPair(face=EncoderSpec(name="dlib"), voice=published("campplus"))


@pytest.fixture(scope="session")
def extracted(sample_videos, packaged, tmp_path_factory) -> Path:
    """A workspace with the sample's features, made by the packaged encoders."""
    from mraf.data.clips.folders import find_clips
    from mraf.pipeline.extraction.extract import extract_clips

    def make(folder: Path) -> None:
        report = extract_clips(
            find_clips([sample_videos]), workspace=folder, encoders=packaged, worker_count=2
        )
        assert (report.clips, report.embedded, report.failed) == (32, 32, ())

    return made_once(tmp_path_factory, "extracted", make)


@pytest.fixture(scope="session")
def trained(extracted, tmp_path_factory) -> Path:
    """A workspace with the same features and a model trained on English."""
    from mraf.pipeline.training.train import train

    def make(folder: Path) -> None:
        shutil.copytree(extracted, folder)
        train(folder, languages=("English",))

    return made_once(tmp_path_factory, "trained", make)


@pytest.fixture(scope="session")
def challenge(tmp_path_factory) -> Path:
    """A workspace with a small copy of POLY-SIM, and a model of its English.

    Four speakers, three videos of three clips each in both languages, eight test samples.
    """
    from mraf.pipeline.polysim.challenge import import_features
    from mraf.pipeline.training.train import train
    from mraf.prototypes.options import PrototypeOptions
    from tests.helpers.polysim_files import Layout

    def make(folder: Path) -> None:
        Layout(folder / "root", speakers=4, videos=3, clips=3, tests=8).write()
        import_features(folder / "root", workspace=folder / "workspace")
        options = PrototypeOptions(steps=5, batch_size=16)
        train(folder / "workspace", languages=("English",), options=options)

    return made_once(tmp_path_factory, "challenge", make) / "workspace"


@pytest.fixture
def mraf(capfd, monkeypatch, tmp_path):
    """Run a command in an empty folder; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MRAF_WORKSPACE", raising=False)

    from mraf import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli._run([str(each) for each in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run
