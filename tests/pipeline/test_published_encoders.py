"""The default path: FaceNet and ECAPA-TDNN, with seeded weights in place of the published ones."""

from dataclasses import replace

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
        name: EncoderSpec(name=name, weights=folder / file, sha256=sha256_of(folder / file))
        for name, file in (("facenet", "face.pt"), ("ecapa", "voice.ckpt"))
    }
    return EncoderPair(face=specs["facenet"], voice=specs["ecapa"])


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
    assert answer.candidates[0].speaker in {"person01", "person02", "person03", "person04"}
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


@pytest.fixture(scope="module")
def published(workspace, seeded, tmp_path_factory):
    """A model of the English vectors as if POLY-SIM published them: without frames, seconds and rules."""
    folder = tmp_path_factory.mktemp("imported") / "workspace"
    made = replace(seeded.fingerprint, polysim="v1").to_json()
    with Workspace.at(folder).table.writer() as writer:
        for row in Workspace.at(workspace).table.rows():
            name = f"polysim/v1/train/{row.clip}"
            writer.add(replace(row, clip=name, source_hash=row.clip, extractor=made))
    train(folder, languages=("English",), holdout=0)
    return folder


def test_a_model_of_published_vectors_names_clips_and_says_where_they_come_from(
    published, seeded, sample_videos
):
    trained = Workspace.at(published).model()
    assert "published by POLY-SIM v1" in (trained / "README.md").read_text("utf-8")
    with Identifier(published, encoders=seeded) as identify:
        answer = identify(sample_videos / "person01/English/rec1/02.mp4")
        lost = identify(sample_videos / "nowhere.mp4")
    assert answer.speaker == "person01"  # it trained on this very clip
    (note,) = answer.notes
    assert "POLY-SIM v1" in note and answer.as_dict()["notes"] == (note,)
    assert lost.speaker is None and lost.notes == ()


def test_a_model_of_published_vectors_is_evaluated_on_extracted_ones_with_a_note(
    published, workspace
):
    model = str(Workspace.at(published).model())
    report = evaluate(workspace, model=model)
    assert report.settings["P6"].n and "POLY-SIM v1" in report.notes[0]
    assert not any("POLY-SIM" in note for note in evaluate(published).notes)
    assert not any("POLY-SIM" in note for note in evaluate(workspace).notes)


def test_a_model_of_extracted_vectors_is_refused_on_published_ones(published, workspace):
    model = str(Workspace.at(workspace).model())
    with pytest.raises(UsageError, match=r"frames=8 .* are of polysim=v1 .*Train a model on these"):
        evaluate(published, model=model)


def test_other_encoders_are_refused_before_any_work(workspace, sample_videos):
    packaged = EncoderPair(
        face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus", sha256="0" * 64)
    )
    with pytest.raises(UsageError, match="--face facenet --voice ecapa"):
        extract_clips(find_clips([sample_videos]), workspace=workspace, encoders=packaged)
    with pytest.raises(UsageError, match="trained on vectors of face=facenet@"):
        Identifier(workspace, encoders=packaged)


def test_damaged_weights_stop_the_run_by_name(seeded, sample_videos, tmp_path, monkeypatch):
    monkeypatch.setenv("MRAF_GRAPHS", str(tmp_path / "none converted"))
    bad = tmp_path / "bad.pt"
    bad.write_bytes(seeded.face.weights.read_bytes()[:-10])
    pair = EncoderPair(
        face=EncoderSpec(name="facenet", weights=bad, sha256=seeded.face.sha256), voice=seeded.voice
    )
    with pytest.raises(MrafError, match=r"bad\.pt"):
        extract_clips(
            find_clips([sample_videos]), workspace=tmp_path / "w", encoders=pair, worker_count=1
        )
