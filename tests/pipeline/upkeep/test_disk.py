import shutil

import pytest

from mraf import Workspace
from mraf.checkpoint import describe
from mraf.errors import MissingError, UsageError
from mraf.pipeline.evaluation import evaluate
from mraf.pipeline.training.train import train
from mraf.pipeline.upkeep.disk import look
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.polysim_files import Layout
from tests.helpers.workspaces import filled, on_disk, people

QUICK = PrototypeOptions(steps=5, batch_size=16)
LOST = "Out of reach: the files of 24 clips, in {}; is a drive not mounted?"


@pytest.fixture
def workspace(tmp_path):
    """Four people with three recordings of two clips, whose files lie in `videos`."""
    filled(tmp_path / "w", people(languages=("English",)))
    on_disk(tmp_path / "w", tmp_path / "videos")
    return tmp_path / "w"


def test_nothing_is_said_where_every_file_is_there(workspace):
    disk = look(Workspace(workspace).table)
    assert (len(disk.rows), disk.gone, disk.away, disk.notes()) == (24, (), (), [])
    assert train(workspace, options=QUICK).notes == ()


def test_a_person_without_a_file_is_in_no_model(workspace, tmp_path):
    shutil.rmtree(tmp_path / "videos" / "s1")
    report = train(workspace, options=QUICK)
    assert (report.speakers, report.samples) == (3, 18)
    assert describe(report.folder).labels == ("s0", "s2", "s3")
    note = "Left out: 6 clips whose files are gone (the first: s1/English/v0/06.mp4)."
    assert [each for each in report.notes if each.startswith(note)]
    assert note in (report.folder / "README.md").read_text("utf-8")


def test_a_clip_whose_file_is_gone_does_not_measure(workspace, tmp_path):
    before = evaluate(workspace, model=train(workspace, options=QUICK).model)
    (tmp_path / "videos" / "s1" / "English" / "v0" / "06.mp4").unlink()
    report = evaluate(workspace)
    assert (before.out_of_fold, report.out_of_fold) == (24, 23)
    assert sum("whose file is gone (s1/English/v0/06.mp4)" in note for note in report.notes) == 1


def test_rows_of_an_earlier_version_whose_files_are_gone_do_not_stop_a_training(
    workspace, tmp_path
):
    """Nothing could make them anew."""
    filled(tmp_path / "old", [("s9", "English", "v0")])
    on_disk(tmp_path / "old", tmp_path / "videos")
    (row,) = Workspace(tmp_path / "old").table.rows()
    with Workspace(workspace).table.writer() as writer:
        object.__setattr__(row, "extractor", row.extractor.replace('"rules": null', '"rules": 3'))
        writer.add(row)
    with pytest.raises(UsageError, match="mixes features"):
        train(workspace, options=QUICK)
    shutil.rmtree(tmp_path / "videos" / "s9")
    assert train(workspace, options=QUICK).speakers == 4


def test_features_whose_videos_are_all_away_train_and_measure(workspace, tmp_path):
    """The drive may not be mounted, the videos deleted on purpose, or the workspace copied."""
    (tmp_path / "videos").rename(tmp_path / "elsewhere")
    said = LOST.format(tmp_path / "videos")
    report = train(workspace, options=QUICK)
    assert report.samples == 24 and report.notes[-1].startswith(said)
    report = evaluate(workspace)
    assert report.out_of_fold == 24 and any(note.startswith(said) for note in report.notes)


def test_one_person_left_cannot_train_and_the_message_says_what_is_gone(workspace, tmp_path):
    for name in ("s0", "s1", "s2"):
        shutil.rmtree(tmp_path / "videos" / name)
    with pytest.raises(
        UsageError, match=r"only one speaker .*Left out: 18 clips whose files are gone"
    ):
        train(workspace, options=QUICK)


def test_imported_features_have_no_files_to_look_for(tmp_path):
    from mraf.pipeline.polysim.challenge import import_features

    Layout(tmp_path / "root", speakers=2, videos=2, clips=2, tests=2).write()
    import_features(tmp_path / "root", workspace=tmp_path / "w")
    disk = look(Workspace(tmp_path / "w").table)
    assert len(disk.rows) and (disk.gone, disk.away, disk.silent) == ((), (), ())


def test_no_table(tmp_path):
    with pytest.raises(MissingError, match="no features here yet"):
        look(Workspace(tmp_path).table)
