"""From clips to names on a GPU; the same on the CPU, so that only the device is untried there."""

import shutil

import numpy as np
import pytest

from mraf.data.clips.folders import find_clips
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.extraction.local import LocalEngine
from mraf.pipeline.identification import Identifier
from mraf.pipeline.training.train import train
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from tests.helpers import seeded

OPTIONS = ExtractOptions(frames=2)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return seeded.write_pair(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def videos(sample_videos, tmp_path_factory):
    """A clip of two recordings of two people, and a file that is no video."""
    folder = tmp_path_factory.mktemp("videos")
    for person in ("person01", "person02"):
        for recording in ("rec1", "rec2"):
            part = f"{person}/English/{recording}"
            (folder / part).mkdir(parents=True)
            shutil.copy(sample_videos / part / "01.mp4", folder / part)
    (folder / "person01/English/rec1/broken.mp4").write_bytes(b"no video")
    return folder


@pytest.fixture(scope="module")
def reference(pair, videos, tmp_path_factory):
    """A workspace made clip by clip in this process, on torch modules on the CPU."""
    folder = tmp_path_factory.mktemp("workspace")
    extracted(folder, videos, pair, device="cpu:0", workers=0)
    return folder


def extracted(workspace, videos, pair, **engine):
    report = extract_clips(
        find_clips([videos]),
        workspace=workspace,
        encoders=pair,
        options=OPTIONS,
        engine=LocalEngine(**engine),
    )
    assert report.clips == 5 and [each.clip for each in report.failed] == [
        "person01/English/rec1/broken.mp4"
    ]
    return rows(workspace)


def rows(workspace):
    return {row.clip: row for row in Workspace.at(workspace).table.rows()}


def test_two_workers_share_a_device(pair, videos, reference, tmp_path, torch_device):
    engine = {"device": torch_device, "workers": 2, "decoders": 2, "at_once": 3}
    found, expected = extracted(tmp_path, videos, pair, **engine), rows(reference)
    assert set(found) == set(expected)
    for clip, row in expected.items():
        other = found[clip]
        assert (other.face_reason, other.voice_reason, other.error) == (
            row.face_reason,
            row.voice_reason,
            row.error,
        )
        for one, two in ((row.face, other.face), (row.voice, other.voice)):
            if one is not None:
                assert one @ two / np.linalg.norm(one) / np.linalg.norm(two) >= 0.999


def test_a_model_trained_on_a_device_names_clips_there_and_on_the_cpu(
    pair, videos, reference, tmp_path, torch_device
):
    tmp_path = shutil.copytree(reference, tmp_path / "workspace")
    train(tmp_path, device=torch_device, options=PrototypeOptions(steps=5, batch_size=8))
    clip = videos / "person02/English/rec1/01.mp4"
    answers = []
    for device in {torch_device: None, "cpu:0": None}:
        with Identifier(tmp_path, encoders=pair, device=device) as identifier:
            answers.append(identifier(clip))
    here, there = answers[0], answers[-1]
    assert here.speaker is not None and here.speaker == there.speaker
    assert here.probability == pytest.approx(there.probability, abs=0.05)
