"""The default path: FaceNet and ECAPA-TDNN, with seeded weights in place of the published ones."""

import numpy as np
import pytest
import torch

from mraf import Identifier, Workspace
from mraf.data.clips.folders import find_clips
from mraf.errors import MrafError, UsageError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.weights import sha256_of
from mraf.fingerprint import Fingerprint
from mraf.network.options import TrainOptions
from mraf.pipeline.evaluation import evaluate
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.training.train import train
from tests.helpers import seeded as seeded_networks


@pytest.fixture(scope="module")
def seeded(tmp_path_factory) -> EncoderPair:
    """Files like the published ones, filled by a generator."""
    folder = tmp_path_factory.mktemp("weights")
    torch.save(seeded_networks.facenet_state(), folder / "face.pt")
    torch.save(seeded_networks.ecapa().state_dict(), folder / "voice.ckpt")
    specs = {
        name: EncoderSpec(name, folder / file, sha256_of(folder / file))
        for name, file in (("facenet", "face.pt"), ("ecapa", "voice.ckpt"))
    }
    return EncoderPair(specs["facenet"], specs["ecapa"])


@pytest.fixture(scope="module")
def workspace(seeded, sample_videos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "workspace"
    report = extract_clips(
        find_clips([sample_videos]), workspace=folder, encoders=seeded, worker_count=2
    )
    assert report.embedded == 32 and not report.failed
    train(folder, languages=("English",), epochs=8, options=TrainOptions(threads=1))
    return folder


def test_vectors_have_the_published_dimensions_and_record_their_weights(workspace, seeded):
    arrays = Workspace.at(workspace).table.arrays()
    assert arrays.face.shape[1] == 512 and arrays.voice.shape[1] == 192
    assert np.allclose(np.linalg.norm(arrays.face[arrays.face_present], axis=1), 1, atol=1e-5)
    assert Fingerprint.from_json(arrays.extractors[0]).shares_encoders(seeded.fingerprint)
    assert f"facenet@{seeded.face.sha256[:12]}" in seeded.fingerprint.encoders


def test_training_evaluation_and_identification_run_on_them(workspace, seeded, sample_videos):
    report = evaluate(workspace)
    assert report.settings["P3"].n and report.settings["P6"].n
    answer = Identifier(workspace, encoders=seeded)(sample_videos / "person01/English/rec1/02.mp4")
    assert answer.speaker in {"person01", "person02", "person03", "person04"}
    assert answer.face.present and answer.voice.present


def test_the_same_clip_alone_gives_the_same_vectors(workspace, seeded, sample_videos, tmp_path):
    clips = find_clips([sample_videos])[:1]
    extract_clips(clips, workspace=tmp_path / "alone", encoders=seeded, worker_count=0)
    alone = next(Workspace.at(tmp_path / "alone").table.rows())
    (before,) = (row for row in Workspace.at(workspace).table.rows() if row.clip == clips[0].id)
    for name in ("face", "voice"):
        one, two = getattr(alone, name), getattr(before, name)
        assert (one is None) == (two is None)
        assert one is None or np.allclose(one, two, rtol=1e-4, atol=1e-4 * np.abs(two).max())


def test_other_encoders_are_refused_before_any_work(workspace, sample_videos):
    packaged = EncoderPair(EncoderSpec("dlib"), EncoderSpec("ge2e"))
    with pytest.raises(UsageError, match="--face facenet --voice ecapa"):
        extract_clips(find_clips([sample_videos]), workspace=workspace, encoders=packaged)
    with pytest.raises(UsageError, match="trained on vectors of face=facenet@"):
        Identifier(workspace, encoders=packaged)


def test_damaged_weights_stop_the_run_by_name(seeded, sample_videos, tmp_path, monkeypatch):
    monkeypatch.setenv("MRAF_GRAPHS", str(tmp_path / "none converted"))
    bad = tmp_path / "bad.pt"
    bad.write_bytes(seeded.face.weights.read_bytes()[:-10])
    pair = EncoderPair(EncoderSpec("facenet", bad, seeded.face.sha256), seeded.voice)
    with pytest.raises(MrafError, match=r"bad\.pt"):
        extract_clips(
            find_clips([sample_videos]), workspace=tmp_path / "w", encoders=pair, worker_count=1
        )
