"""Shared fixtures: where real clips lie, and a skip with the reason where they do not."""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("MRAF_SHARED", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def real_videos() -> Path:
    """Real clips, `<speaker>/<language>/<recording>/<clip>.mp4`."""
    folder = SHARED / "data" / "videos"
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder} (set MRAF_SHARED to the folder that holds data/videos)")
    return folder
