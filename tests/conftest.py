"""Shared fixtures: where real clips lie, and a skip with the reason where they do not."""

import os
from pathlib import Path

import pytest

# Test processes run side by side; threads of torch in each would wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

SHARED = Path(os.environ.get("MRAF_SHARED", Path(__file__).parents[2] / "shared"))


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
def sample_videos(tmp_path_factory) -> Path:
    """Videos of four people who do not exist: two recordings of English and one of Urdu."""
    from data.sample import SampleOptions, make_sample

    folder = tmp_path_factory.mktemp("sample") / "videos"
    make_sample(folder, SampleOptions(speakers=4, recordings=(3, 1), clips=2))
    return folder


@pytest.fixture(scope="session")
def extracted(sample_videos, tmp_path_factory) -> Path:
    """A workspace with the sample's features, made by the packaged encoders."""
    from data.manifest import find_clips
    from extractors.encoders import EncoderPair, EncoderSpec
    from pipeline.extract import extract

    folder = tmp_path_factory.mktemp("workspace")
    pair = EncoderPair(EncoderSpec("dlib"), EncoderSpec("ge2e"))
    report = extract(find_clips([sample_videos]), folder, pair, worker_count=2)
    assert (report.clips, report.embedded, report.failed) == (32, 32, ())
    return folder


@pytest.fixture(scope="session")
def trained(extracted) -> Path:
    """The same workspace with a model trained on English."""
    from mraf.options import TrainOptions
    from pipeline.train import train

    train(extracted, languages=("English",), options=TrainOptions(threads=1))
    return extracted
