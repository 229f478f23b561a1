"""Training, evaluation, search and groups on a table of turns."""

import json

import numpy as np
import pytest

from mraf import Workspace
from mraf.data.clips.folders import find_clips
from mraf.errors import UsageError
from mraf.pipeline.evaluation import evaluate
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.people.archive.cluster import cluster
from mraf.pipeline.people.archive.find import find, stretches
from mraf.pipeline.people.archive.naming import name
from mraf.pipeline.quality import figures
from mraf.pipeline.training.split import folds_of, split, to_features
from mraf.pipeline.training.train import train
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.turns import made_turns
from tests.pipeline.extraction.turns.made_turns import CUT, write

HOSTS = ("ann", "bob", "cem")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with three talks of three people, in which a guest speaks too."""
    root = tmp_path_factory.mktemp("archive")
    for host in HOSTS:
        for talk in range(3):
            turns = [(40.0 * i + talk, 40.0 * i + talk + 25, host) for i in range(5)]
            turns.insert(
                2, (66.0 + talk, 76.0 + talk, "guest" if host == "ann" else f"guest-of-{host}")
            )
            write(root / f"videos/{host}/{talk}.mp4", *turns)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("mraf.pipeline.extraction.rows.setup_worker", made_turns.setup_worker)
        extract_clips(
            find_clips([root / "videos"]),
            workspace=root / "w",
            encoders=quick_extract.ENCODERS,
            worker_count=0,
            turns=CUT,
        )
    return root


@pytest.fixture
def workspace(made, tmp_path):
    """A copy of it, to be changed; the videos stay where they are."""
    with Workspace(tmp_path / "w").table.writer() as writer:
        writer.add_together(list(Workspace(made / "w").table.rows()))
    return tmp_path / "w"


def test_turns_of_a_file_are_one_recording_and_in_one_fold(workspace):
    labels = Workspace(workspace).table.labels()
    parts = split(labels, None, 0.3, seed=1)
    assert not parts.by_clip and parts.heldout.any()
    files = np.array([clip.rpartition("#")[0] for clip in labels.clip])
    assert not set(files[parts.train]) & set(files[parts.heldout])
    everything = split(labels, None, 0.0, seed=1).train
    samples = to_features(labels, parts.speakers, (128, 192), everything)
    digests = [labels.source_hash[i] for i in np.flatnonzero(everything)]
    fold, by_clip = folds_of(samples, digests, seed=1)
    assert not by_clip and (fold >= 0).all()
    for file in set(files[everything]):
        assert len(set(fold[files[everything] == file])) == 1


def test_a_model_trains_on_turns_and_is_measured(workspace):
    report = train(workspace, holdout=0.3)
    assert (report.speakers, report.samples + report.heldout) == (3, 45)
    assert report.heldout == 15 and report.folds_by == "recording"
    assert any("9 clips have no speaker's name" in note for note in report.notes)
    measured = evaluate(workspace)
    assert measured.held_out == 15
    scores = [each for each in (*measured.settings.values(), *measured.more.values()) if each.n]
    assert scores and all(each.accuracy == 1.0 for each in scores)


def test_a_person_is_found_with_file_and_time(workspace, made, mraf):
    report = find("ann", workspace=workspace, top=3)
    assert {match.speaker for match in report.matches} == {"ann"}
    assert len(stretches(report.matches)) == 3  # one a talk
    assert len(report.matches) == 15
    first = report.matches[0]
    assert first.turn and first.end - first.start == 25
    code, out, _ = mraf("find", "ann", "-w", workspace)
    assert code == 0 and "ann/0.mp4 0:00 to 3:05 (5 turns)" in " ".join(out.split())
    code, out, _ = mraf("find", "ann", "-w", workspace, "--json")
    assert {"start", "end", "path", "clip"} <= set(json.loads(out)["matches"][0])


def test_a_turn_can_be_sought_by_and_a_file_of_one_person(workspace, made):
    report = find("ann/0.mp4#66-76", workspace=workspace)
    assert {match.path.rpartition("/")[2] for match in report.matches} == {"1.mp4", "2.mp4"}
    for who in ("ann/0.mp4", made / "videos/ann/0.mp4"):
        with pytest.raises(UsageError, match="2 people speak in it"):
            find(who, workspace=workspace)


def test_turns_without_a_name_are_grouped_and_named(workspace):
    report = cluster(workspace)
    assert report.clips == 9 and [group.clips for group in report.groups] == [3, 3, 3]
    assert all(group.start in (66.0, 67.0, 68.0) for group in report.groups)
    train(workspace)
    mine = next(g for g in report.groups if g.members[0].startswith("ann/"))
    named = name(mine.id, "Gast", workspace=workspace, yes=True)
    assert named.clips == 3
    rows = [row for row in Workspace(workspace).table.rows() if row.speaker == "Gast"]
    assert {row.recording for row in rows} == {"ann/0.mp4", "ann/1.mp4", "ann/2.mp4"}
    assert len(find("Gast", workspace=workspace).matches) == 3


def test_figures_of_quality_count_turns(workspace):
    table = Workspace(workspace).table
    assert figures(table).spreads["voice_seconds"].clips == 54
    assert table.summary()["face_missing"] == {"not_seen_speaking": 27}
