"""Rows of enrolled people in later runs of `mraf extract`."""

from dataclasses import replace

import pytest

from mraf.data.clips.clip import Clip
from mraf.pipeline.extraction.reuse import KnownClips
from mraf.pipeline.workspace import Workspace
from tests.helpers.described_clips import FINGERPRINT, DescribedExtractor, clip, stored


@pytest.fixture
def known(tmp_path):
    """The rows of a table: one of a folder that was named by a person, and one from elsewhere."""
    extractor = DescribedExtractor()
    inside = Clip("v/1.mp4", clip(tmp_path / "v" / "1.mp4", "fay"))
    outside = Clip(str(tmp_path / "2.mp4"), clip(tmp_path / "2.mp4", "fay"))
    table = Workspace(tmp_path / "w").table
    with table.writer() as writer:
        for each in (inside, outside):
            row = stored(each, extractor)
            writer.add(replace(row, speaker="Fay", recording="r", enrolled=True))
    outside.files[0].unlink()
    return KnownClips(table, FINGERPRINT), inside


def test_a_name_that_a_person_gave_stays(known):
    rows, inside = known
    digest = inside.content_hash()
    (reuse,) = rows.find(inside, digest)
    assert reuse.replaces is None
    (row,) = rows.relabelled([reuse])
    assert (row.speaker, row.recording, row.enrolled) == ("Fay", "r", True)
    fresh = stored(inside, DescribedExtractor())  # its options may have changed
    assert rows.as_enrolled(fresh).speaker == "Fay" and rows.as_enrolled(fresh).enrolled


def test_a_copy_in_a_folder_is_a_clip_of_its_own_and_leaves_the_row(known, tmp_path):
    rows, inside = known
    copy = replace(inside, id="other/1.mp4", video=tmp_path / "o.mp4", speaker="other")
    copy.files[0].write_bytes(inside.files[0].read_bytes())
    (reuse,) = rows.find(copy, inside.content_hash())
    assert reuse.replaces is None and not rows.is_left(reuse.row, copy)
    (row,) = rows.relabelled([reuse])
    assert (row.clip, row.speaker, row.enrolled) == ("other/1.mp4", "other", False)


def test_enrolled_clips_are_not_missed(known):
    rows, _ = known
    assert rows.beside(set()) == ([], [])


def test_an_enrolled_file_keeps_its_name_under_another_id(known):
    rows, inside = known
    clip_of_folder = replace(inside, id="fay/v/1.mp4", speaker="fay", recording="v")
    (reuse,) = rows.find(clip_of_folder, inside.content_hash())
    assert reuse.replaces == inside.id
    (row,) = rows.relabelled([reuse])
    assert (row.clip, row.speaker, row.recording, row.enrolled, row.replaces) == (
        "fay/v/1.mp4",
        "Fay",
        "r",
        True,
        inside.id,
    )
    fresh = rows.as_enrolled(stored(clip_of_folder, DescribedExtractor()))  # of other options
    assert (fresh.speaker, fresh.enrolled) == ("Fay", True)


def test_a_copy_of_an_enrolled_file_under_another_name_is_told(known, tmp_path):
    rows, inside = known
    copy = replace(inside, id="o/1.mp4", video=tmp_path / "o.mp4", speaker="other")
    copy.files[0].write_bytes(inside.files[0].read_bytes())
    (row,) = rows.others(copy, copy.content_hash())
    assert "o/1.mp4 is of 'other'" in rows.otherwise_named(row, copy)
    assert "was enrolled as 'Fay'" in rows.otherwise_named(row, copy)
    assert rows.otherwise_named(row, replace(copy, speaker="Fay")) is None
