import json
from dataclasses import replace

import numpy as np
import pytest

from mraf import Workspace
from mraf.errors import MissingError, UsageError
from mraf.inference.prediction import predict
from mraf.pipeline.people.archive.cluster import cluster
from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.unnamed import unnamed, without_names
from tests.helpers.workspaces import filled, on_disk, people

QUICK = PrototypeOptions(steps=5, batch_size=16)


def rewrite(folder, change):
    table = Workspace(folder).table
    with table.writer() as writer:
        for row in list(table.rows()):
            if (new := change(row)) is not row:
                writer.add(new)


def test_clips_without_a_name_are_grouped_by_person(tmp_path):
    report = cluster(unnamed(tmp_path, named=("s3",)))
    assert report.clips == 18 and (report.singles, report.nothing, report.notes) == ((), (), ())
    found = {frozenset(group.members) for group in report.groups}
    assert found == {frozenset(f"{6 * n + i:02}" for i in range(6)) for n in range(3)}
    first = report.groups[0]
    assert (first.id, first.clips, first.seconds) == ("g1", 6, 24.0)
    assert (first.faces, first.voices, first.perhaps, first.speakers) == (6, 6, None, {})
    assert first.sure > 0.99 and first.representative.removesuffix(".mp4") in first.members


def test_all_groups_those_with_a_name_too(tmp_path):
    report = cluster(unnamed(tmp_path, named=("s3",)), all=True)
    assert report.clips == 24 and len(report.groups) == 4
    assert [group.speakers for group in report.groups] == [{}, {}, {}, {"s3": 6}]


def test_the_biggest_group_comes_first_and_singles_are_in_none(tmp_path):
    folder = unnamed(tmp_path, named=("s0",))
    Workspace(folder).table.drop(["06", "07", *(f"{i:02}" for i in range(19, 24))])
    report = cluster(folder)
    assert [group.clips for group in report.groups] == [6, 4]
    assert report.groups[0].members[0] >= "12" and report.singles == ("18",)


def test_missing_faces_and_voices(tmp_path):
    folder = unnamed(tmp_path, faceless=(0, 1, 6, 12), voiceless=(2, 6, 13))
    report = cluster(folder)
    assert report.nothing == ("06",) and report.singles == ()
    assert sorted(group.clips for group in report.groups) == [5, 6, 6, 6]
    group = next(each for each in report.groups if "00" in each.members)
    assert (group.faces, group.voices) == (4, 5)
    assert group.representative.removesuffix(".mp4") in {"03", "04", "05"}  # has both


def test_hardly_any_speech_is_not_compared(tmp_path):
    folder = unnamed(tmp_path, faceless=(0, 1))
    short = {"00": 1.9, "01": 2.0, "02": 1.0}
    rewrite(folder, lambda row: replace(row, voice_seconds=short.get(row.clip, 3.0)))
    report = cluster(folder)
    assert report.nothing == ("00",)
    group = next(each for each in report.groups if "02" in each.members)
    assert group.clips == 5 and group.voices == 4


def test_a_group_that_the_model_knows(tmp_path, monkeypatch):
    """Trained on two people, of whom more clips come without a name, and those of two strangers."""

    def predicted(model, features):
        known = np.where(np.arange(len(features)) < 8, 0.99, 0.01).astype("f4")  # theirs come first
        threshold = np.full(len(features), 0.5, np.float32)
        return replace(predict(model, features), known=known, threshold=threshold)

    monkeypatch.setattr("mraf.inference.prediction.predict", predicted)
    labels = people(languages=("English",), recordings=6)
    folder = filled(tmp_path, labels, noise=0.1)
    rewrite(folder, lambda row: replace(row, speaker=None) if _later(row) else row)
    train(folder, options=QUICK, name="two")
    report = cluster(folder)
    perhaps = {
        frozenset(int(c) // 12 for c in each.members): each.perhaps for each in report.groups
    }
    assert perhaps == {
        frozenset({0}): "s0", frozenset({1}): "s1", frozenset({2}): None, frozenset({3}): None,
    }  # fmt: skip
    assert report.notes == ()
    with pytest.raises(MissingError, match="no model 'other'"):
        cluster(folder, model="other")


def test_a_group_that_is_like_somebody_whom_only_the_table_names(tmp_path):
    folder = unnamed(tmp_path, named=("s0", "s1"))
    rewrite(folder, lambda row: replace(row, speaker=None) if row.clip in ("00", "01") else row)
    report = cluster(folder)
    perhaps = {each.perhaps: each.clips for each in report.groups if each.perhaps}
    assert perhaps == {"s0": 2} and len(report.groups) == 3


def _later(row):
    return row.speaker in ("s2", "s3") or row.recording in ("v4", "v5")


def test_a_model_that_does_not_fit_is_not_asked(tmp_path):
    folder = filled(tmp_path, people(languages=("English",)), noise=0.1)
    train(folder, options=QUICK)
    other = Workspace(folder).table.labels().extractors[0].replace("campplus", "ecapa")
    rewrite(folder, lambda row: replace(row, extractor=other))
    without_names(folder)
    report = cluster(folder)
    assert len(report.groups) == 4 and {group.perhaps for group in report.groups} == {None}
    assert "No model was asked who is known" in report.notes[0]


def test_the_groups_are_kept(tmp_path):
    report = cluster(unnamed(tmp_path))
    kept = json.loads((tmp_path / "clusters.json").read_text("utf-8"))["groups"]
    assert [*kept] == [group.id for group in report.groups]
    first = report.groups[0]
    assert kept["g1"]["name"] is None and [*kept["g1"]["clips"]] == [*first.members]
    assert kept["g1"]["clips"][first.members[0]] == f"digest {int(first.members[0])}"


@pytest.mark.parametrize("clips", [0, 1, 2])
def test_hardly_any_clips(tmp_path, clips):
    folder = unnamed(tmp_path)
    Workspace(folder).table.drop(f"{i:02}" for i in range(24) if i not in (3, 9)[:clips])
    if not clips:
        with pytest.raises(MissingError, match="no clip in the table"):
            cluster(folder)
        return
    report = cluster(folder)
    assert report.groups == () and len(report.singles) == clips


def test_no_clip_without_a_name(tmp_path):
    report = cluster(filled(tmp_path, people(), noise=0.1))
    assert (report.groups, report.clips, report.singles) == ((), 0, ())


def test_no_clip_with_a_face_or_a_voice(tmp_path):
    report = cluster(unnamed(tmp_path, faceless=range(24), voiceless=range(24)))
    assert report.groups == report.singles == () and len(report.nothing) == 24


def test_identical_files(tmp_path):
    folder = unnamed(tmp_path)
    table = Workspace(folder).table
    row = next(table.rows())
    with table.writer() as writer:
        writer.add(replace(row, clip="copy"))
    assert max(group.clips for group in cluster(folder).groups) == 7


def test_clips_whose_file_is_gone_are_left_out(tmp_path):
    folder = unnamed(tmp_path / "w")
    videos = on_disk(folder, tmp_path / "videos")
    next(videos.rglob("00.mp4")).unlink()
    report = cluster(folder)
    assert report.clips == 23 and "Left out: 1 clip whose file is gone" in report.notes[0]


def test_several_encoders_in_one_table_are_refused(tmp_path):
    folder = unnamed(tmp_path)
    other = Workspace(folder).table.labels().extractors[0].replace("campplus", "ecapa")
    rewrite(folder, lambda row: replace(row, extractor=other) if row.clip == "03" else row)
    with pytest.raises(UsageError, match="mixes encoders"):
        cluster(folder)


def test_no_table(tmp_path):
    with pytest.raises(MissingError, match="no features here yet"):
        cluster(tmp_path)


@pytest.mark.shared
@pytest.mark.weights
def test_real_people(real_videos, packaged, tmp_path):
    from mraf.data.clips.folders import find_clips
    from mraf.pipeline.extraction.extract import extract_clips

    clips = [clip for clip in find_clips([real_videos]) if clip.id.endswith(("1.mp4", "2.mp4"))]
    extract_clips(clips, workspace=tmp_path / "w", encoders=packaged)
    report = cluster(tmp_path / "w", all=True)
    assert [len(group.speakers) for group in report.groups] == [1] * 8
    assert len({name for group in report.groups for name in group.speakers}) == 8
