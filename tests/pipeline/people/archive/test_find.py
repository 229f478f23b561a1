from dataclasses import replace

import pytest

from mraf import Workspace
from mraf.data.clips.clip import Clip
from mraf.errors import MediaError, MissingError, UsageError
from mraf.pipeline.people.archive.find import Finder, find
from tests.helpers.unnamed import unnamed
from tests.helpers.workspaces import filled, on_disk, people


def clips(report) -> list[str]:
    return [match.clip for match in report.matches]


def test_a_speaker_is_found_in_clips_with_and_without_a_name(tmp_path):
    folder = unnamed(tmp_path)
    _name(folder, {"06": "Ann Lee", "07": "Ann Lee"})
    report = find("Ann Lee", workspace=folder)
    assert (report.by, report.sought, report.clips) == ("speaker", "Ann Lee", 24)
    assert sorted(clips(report)) == [f"{i:02}" for i in range(6, 12)]
    scores = [match.score for match in report.matches]
    assert scores == sorted(scores, reverse=True) and scores[-1] > 0.9
    assert {match.clip: match.speaker for match in report.matches}["06"] == "Ann Lee"
    assert {each.path for each in report.matches} == {f"{i:02}.mp4" for i in range(6, 12)}


def test_only_clips_without_a_name(tmp_path):
    folder = unnamed(tmp_path)
    _name(folder, {"06": "ann", "07": "ann", "08": "bob"})
    report = find("ann", workspace=folder, unnamed=True)
    assert sorted(clips(report)) == ["09", "10", "11"] and report.clips == 21


def test_the_likeliest_come_first_and_no_more_than_asked_for(tmp_path):
    finder = Finder(unnamed(tmp_path, named=("s1",)))
    every = clips(finder("s1"))
    assert len(every) == 6 and clips(finder("s1", 2)) == every[:2]


def test_the_other_clips_of_a_clips_person(tmp_path):
    folder = unnamed(tmp_path)
    table = Workspace(folder).table
    with table.writer() as writer:  # a copy of the clip is no find
        writer.add(replace(next(table.rows()), clip="copy"))
    report = find("00", workspace=folder)
    assert report.by == "clip" and sorted(clips(report)) == ["01", "02", "03", "04", "05"]


def test_what_was_seen_and_heard(tmp_path):
    folder = unnamed(tmp_path, faceless=(1, 2, 7), voiceless=(2, 3))
    found = {match.clip: match for match in find("00", workspace=folder).matches}
    assert sorted(found) == ["01", "03", "04", "05"]
    assert found["01"].face is None and found["01"].voice > 0.9
    assert found["03"].voice is None and found["03"].face > 0.9
    assert found["04"].score >= max(found["04"].face, found["04"].voice)
    alone = find("01", workspace=folder)  # a voice: nothing to compare 03 with
    assert sorted(clips(alone)) == ["00", "04", "05"]


def test_parts_of_a_file(tmp_path):
    folder = unnamed(tmp_path)
    table = Workspace(folder).table
    with table.writer() as writer:
        writer.add(replace(next(table.rows()), clip="part", source_hash="p", start=2.0, end=7.5))
    (part,) = [each for each in find("00", workspace=folder).matches if each.clip == "part"]
    assert (part.start, part.end) == (2.0, 7.5)


def test_spellings_of_a_name_are_one(tmp_path):
    folder = unnamed(tmp_path)
    _name(folder, {"06": "Jose\u0301", "07": "José"})
    assert len(find(" José ", workspace=folder).matches) == 6


def test_a_speaker_of_whom_nothing_can_be_compared(tmp_path):
    folder = unnamed(tmp_path, named=("s0",), faceless=range(6), voiceless=range(6))
    with pytest.raises(UsageError, match="neither a face nor a voice"):
        find("s0", workspace=folder)


def test_nobody_is_called_that(tmp_path):
    folder = unnamed(tmp_path, named=("s0", "s1"))
    with pytest.raises(UsageError, match="'s9' is no speaker, no clip .*there are: s0, s1"):
        find("s9", workspace=folder)
    with pytest.raises(UsageError, match="is a folder"):
        find(tmp_path, workspace=folder)


def test_a_person_whom_only_the_model_knows(tmp_path):
    from mraf.pipeline.training.train import train
    from mraf.prototypes.options import PrototypeOptions

    folder = filled(tmp_path, people(languages=("English",)), noise=0.1)
    train(folder, options=PrototypeOptions(steps=5, batch_size=16))
    _name(folder, {f"{i:02}": None for i in range(6, 12)})
    report = find("s1", workspace=folder)
    assert report.by == "model" and sorted(clips(report)) == [f"{i:02}" for i in range(6, 12)]


def test_no_table_and_an_empty_one(tmp_path):
    with pytest.raises(MissingError, match="no features here yet"):
        find("ann", workspace=tmp_path)
    folder = unnamed(tmp_path)
    Workspace(folder).table.drop(f"{i:02}" for i in range(24))
    with pytest.raises(MissingError, match="no clip in the table"):
        find("ann", workspace=folder)


def test_clips_whose_file_is_gone_are_left_out(tmp_path):
    folder = unnamed(tmp_path / "w", named=("s0", "s1", "s2", "s3"))
    videos = on_disk(folder, tmp_path / "videos")
    next(videos.rglob("08.mp4")).unlink()
    report = find("s1", workspace=folder)
    assert len(report.matches) == 5 and "file is gone" in report.notes[0]


def test_a_file_that_the_table_has_is_not_embedded(tmp_path):
    folder = unnamed(tmp_path)
    file = tmp_path / "some.mp4"
    file.write_bytes(b"no video")
    digest = Clip("some", file).content_hash()
    row = next(Workspace(folder).table.rows())
    with Workspace(folder).table.writer() as writer:
        writer.add(replace(row, source_hash=digest))
    report = find(file, workspace=folder, offline=True)
    assert report.by == "clip" and sorted(clips(report)) == ["01", "02", "03", "04", "05"]


def test_a_file(extracted, packaged, sample_videos, tmp_path):
    one = sample_videos / "person01/English/rec1/01.mp4"
    new = tmp_path / "new.mp4"
    new.write_bytes(one.read_bytes() + b"and more")  # which no decoder minds
    report = find(new, workspace=extracted, top=4, offline=True)
    assert report.by == "clip" and [match.speaker for match in report.matches] == ["person01"] * 4
    assert "person01/English/rec1/01.mp4" in clips(report)


def test_a_file_that_cannot_be_read(extracted, packaged, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing")
    with pytest.raises(MediaError):
        find(broken, workspace=extracted, offline=True)


def _name(folder, names: dict[str, str | None]) -> None:
    table = Workspace(folder).table
    with table.writer() as writer:
        for row in list(table.rows()):
            if row.clip in names:
                writer.add(replace(row, speaker=names[row.clip]))
