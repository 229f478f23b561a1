"""Fixtures of the tests on people."""

from pathlib import Path

import pytest

from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.described_clips import DescribedExtractor, trained_people

QUICK = PrototypeOptions(steps=2, batch_size=16)


@pytest.fixture(autouse=True)
def extractor(monkeypatch) -> DescribedExtractor:
    """The extractor that reads descriptions, in place of the encoders."""
    made = DescribedExtractor()
    for module in ("people.enrol", "identification"):
        monkeypatch.setattr(f"mraf.pipeline.{module}.ClipExtractor", lambda *_, **__: made)
    return made


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a model of five people."""
    folder = trained_people(tmp_path / "w", ["ann", "ben", "cem", "dua", "eli"])
    train(folder, options=QUICK)
    return folder
