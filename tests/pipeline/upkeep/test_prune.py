import shutil

import pytest

from mraf import Workspace
from mraf.data.table.lock import locked
from mraf.errors import UsageError
from mraf.pipeline.upkeep.prune import drop, prune
from tests.helpers.workspaces import filled, on_disk, people


@pytest.fixture
def workspace(tmp_path):
    """Four people with three recordings of three clips, whose files lie in `videos`."""
    filled(tmp_path / "w", people(clips=3, languages=("English",)))
    on_disk(tmp_path / "w", tmp_path / "videos")
    return tmp_path / "w"


def clips(workspace) -> list[str]:
    return Workspace(workspace).table.read(["clip"])["clip"].to_pylist()


def test_the_rows_of_clips_whose_files_are_gone_are_removed(workspace, tmp_path):
    assert prune(workspace).removed == () and len(clips(workspace)) == 36
    shutil.rmtree(tmp_path / "videos" / "s1")
    (tmp_path / "videos" / "s0" / "English" / "v0" / "00.mp4").unlink()
    report = prune(workspace)
    assert len(report.removed) == 10 and report.removed[0] == "s0/English/v0/00.mp4"
    assert (report.clips, report.unreachable) == (26, ()) and len(clips(workspace)) == 26
    assert prune(workspace).removed == ()


def test_a_drive_that_is_not_mounted_is_not_pruned(workspace, tmp_path):
    (tmp_path / "videos").rename(tmp_path / "elsewhere")
    (tmp_path / "videos").mkdir()
    report = prune(workspace)
    assert report.removed == () and len(report.unreachable) == len(clips(workspace)) == 36
    assert report.folder == str(tmp_path / "videos")
    report = prune(workspace, force=True)
    assert (len(report.removed), report.clips, report.unreachable) == (36, 0, ())


def test_most_of_a_table_is_not_removed_without_a_word(workspace, tmp_path):
    for name in ("s0", "s1", "s2"):
        shutil.rmtree(tmp_path / "videos" / name)
    with pytest.raises(UsageError, match=r"27 of 36 clips are gone, .* say --force"):
        prune(workspace)
    assert len(clips(workspace)) == 36
    assert len(prune(workspace, force=True).removed) == 27


def test_clips_are_dropped_by_their_ids(workspace, tmp_path):
    report = drop(
        ["s0/English/v0/00.mp4", "s1/English/v0/09.mp4", "s0/English/v0/00.mp4"], workspace
    )
    assert (len(report.dropped), report.clips) == (2, 34) and len(clips(workspace)) == 34
    assert (tmp_path / "videos" / "s0" / "English" / "v0" / "00.mp4").exists()


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("00.mp4", "s0/English/v0/00.mp4"),
        ("S0/english/v0/00.mp4", "s0/English/v0/00.mp4"),
        ("s0/English/v0/00.mkv", "s0/English/v0/00.mp4"),
    ],
)
def test_an_id_that_is_not_known_drops_nothing(workspace, unknown, meant):
    with pytest.raises(UsageError, match=f"no clip '{unknown}' .did you mean '{meant}'"):
        drop(["s1/English/v0/09.mp4", unknown], workspace)
    assert len(clips(workspace)) == 36


def test_a_table_that_another_run_writes_to_is_left(workspace, tmp_path):
    with locked(workspace / "features"), pytest.raises(UsageError, match="holds this lock"):
        drop(["s1/English/v0/09.mp4"], workspace)
