"""Rows that no clip has any more: of folders that were renamed, of copies, of files that were deleted."""

import shutil

import pytest

from mraf import Workspace
from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import find_clips
from mraf.errors import UsageError
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction import rows
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.upkeep.rename import rename
from tests.pipeline.extraction import quick_extract


@pytest.fixture
def run(monkeypatch, tmp_path):
    """`extract` of a folder or of clips, in this process with the quick encoders."""
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", quick_extract.setup)
    monkeypatch.setattr(quick_extract.time, "sleep", lambda seconds: None)
    return lambda clips, frames=8: extract_clips(
        clips if isinstance(clips, list) else find_clips([clips]),
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        options=ExtractOptions(frames=frames),
        worker_count=0,
    )


@pytest.fixture
def videos(tmp_path):
    """Two clips each of two people; those of ann are copies of each other."""
    for name, content in {"ann/0": "a", "ann/1": "a", "bob/0": "b", "bob/1": "c"}.items():
        file = tmp_path / "videos" / f"{name}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return tmp_path / "videos"


def speakers(tmp_path) -> dict[str, str]:
    return {row.clip: row.speaker for row in Workspace(tmp_path / "w").table.rows()}


BOB = {"bob/0.mp4": "bob", "bob/1.mp4": "bob"}
ANNA = {"anna/0.mp4": "anna", "anna/1.mp4": "anna"}


def test_a_renamed_folder_of_copies_leaves_no_ghost(videos, tmp_path, run):
    run(videos)
    (videos / "ann").rename(videos / "anna")
    report = run(videos)
    assert (report.embedded, report.reused, report.gone) == (0, 4, ())
    assert sorted(report.renamed) == [("ann/0.mp4", "anna/0.mp4"), ("ann/1.mp4", "anna/1.mp4")]
    assert speakers(tmp_path) == ANNA | BOB


def test_a_renamed_folder_of_which_a_row_was_there_already(videos, tmp_path, run):
    run(videos)
    (videos / "anna").mkdir()
    shutil.copy(videos / "ann" / "0.mp4", videos / "anna" / "0.mp4")
    run(videos)
    assert len(speakers(tmp_path)) == 5
    shutil.move(videos / "ann" / "1.mp4", videos / "anna" / "1.mp4")
    shutil.rmtree(videos / "ann")
    report = run(videos)
    assert speakers(tmp_path) == ANNA | BOB and len(report.renamed) == 2
    assert run(videos).renamed == ()


def test_a_renamed_folder_leaves_no_ghost_where_its_clips_are_made_anew(videos, tmp_path, run):
    """As after a new version of the extraction: the old rows would stop every training."""
    run(videos, frames=4)
    (videos / "ann").rename(videos / "anna")
    report = run(videos)
    assert (report.embedded, len(report.renamed)) == (4, 2)
    assert speakers(tmp_path) == ANNA | BOB
    assert len(Workspace(tmp_path / "w").table.labels().extractors) == 1


def test_a_clip_of_another_id_is_made_anew_once(videos, tmp_path, run):
    file = videos / "bob" / "0.mp4"
    run([Clip("old id", file)], frames=4)
    report = run([Clip("new id", file)])
    assert report.renamed == (("old id", "new id"),) and list(speakers(tmp_path)) == ["new id"]


def test_copies_whose_files_are_there_are_clips_of_their_own(videos, tmp_path, run):
    run(videos)
    shutil.copytree(videos / "ann", videos / "cid")
    report = run(videos)
    assert (report.reused, report.renamed) == (6, ()) and len(speakers(tmp_path)) == 6
    shutil.copytree(videos, tmp_path / "more" / "x")
    assert run(tmp_path / "more").renamed == ()
    assert len(speakers(tmp_path)) == 12


def test_a_clip_whose_file_is_gone_is_told(videos, tmp_path, run):
    assert run(videos).gone == ()
    (videos / "bob" / "1.mp4").unlink()
    assert run(videos).gone == ("bob/1.mp4",) and "bob/1.mp4" in speakers(tmp_path)
    # Other folders than those of the run are not looked at.
    other = tmp_path / "other" / "cid" / "0.mp4"
    other.parent.mkdir(parents=True)
    other.write_text("d")
    assert run(tmp_path / "other").gone == ()


def test_parts_of_one_file_are_clips_of_their_own(videos, tmp_path, run, monkeypatch):
    file = videos / "bob" / "0.mp4"
    parts = [
        Clip("0.mp4#0-2", file, end=2.0, speaker="ann"),
        Clip("0.mp4#2-4", file, start=2.0, end=4.0, speaker="bob"),
        Clip("0.mp4", file),
    ]
    assert run(parts).embedded == 3
    found = speakers(tmp_path)
    assert found == {"0.mp4#0-2": "ann", "0.mp4#2-4": "bob", "0.mp4": None}
    report = run(parts)
    assert (report.reused, report.renamed, report.gone) == (3, (), ())
    renamed = [Clip("first", file, end=2.0), *parts[1:]]
    report = run(renamed)
    assert (report.reused, report.renamed) == (3, (("0.mp4#0-2", "first"),))
    # Under an id that it had, another part is made anew, as an edited file is.
    report = run([Clip("first", file, end=3.0), *parts[1:]])
    assert (report.embedded, report.reused, len(speakers(tmp_path))) == (1, 2, 3)


def test_a_row_says_which_part_of_the_file_it_is_of(videos):
    clip = Clip("x", videos / "bob" / "0.mp4", start=1.5, end=2.0)
    row = rows.failed_row(clip, "cut off", "made")
    assert (row.start, row.end) == (1.5, 2.0)


def test_a_renamed_speaker_keeps_the_new_name_in_later_extractions(videos, tmp_path, run):
    run(videos)
    rename("bob", "Robert", tmp_path / "w")
    (videos / "bob" / "2.mp4").write_text("e")
    report = run(videos)
    assert (report.embedded, report.reused) == (1, 4)
    assert report.renamed_speakers == {"bob": "Robert"}
    assert report.as_dict()["renamed_speakers"] == {"bob": "Robert"}
    assert set(speakers(tmp_path).values()) == {"ann", "Robert"}
    rename("Robert", "bob", tmp_path / "w")
    report = run(videos)
    assert report.renamed_speakers == {} and set(speakers(tmp_path).values()) == {"ann", "bob"}
    assert not (tmp_path / "w" / "renames.json").exists()


def test_a_drive_that_is_away_keeps_its_rows(videos, tmp_path, run):
    run(videos)
    others = tmp_path / "others"
    for name in ("ann/0", "carl/0"):
        (others / name).parent.mkdir(parents=True)
        (others / f"{name}.mp4").write_text("another " + name)
    videos.rename(tmp_path / "unplugged")
    with pytest.raises(
        UsageError, match=r"'ann/0.mp4'.*out of reach \(is its drive.*features drop"
    ):
        run(others)
    assert {"ann/0.mp4", *BOB} <= speakers(tmp_path).keys()
    (tmp_path / "unplugged").rename(videos)
    (videos / "ann" / "0.mp4").unlink()  # gone: the others of its folder are there
    run(others)
    paths = {row.clip: row.path for row in Workspace(tmp_path / "w").table.rows()}
    assert paths["ann/0.mp4"] == str(others / "ann" / "0.mp4")
