"""Runs over long files: what the table has of them, and what a later run makes of it."""

import shutil
from dataclasses import replace

import pytest

from mraf import Workspace
from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import find_clips
from mraf.fingerprint import Fingerprint
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.extraction.local import LocalEngine
from mraf.pipeline.extraction.turns.options import TurnOptions
from mraf.pipeline.upkeep.prune import drop, prune
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.turns import made_turns
from tests.pipeline.extraction.turns.made_turns import CUT, EVERY, write

TALK = ((0, 20, "ann"), (20, 25, "bob"), (25, 50, "ann"), (50.5, 60, "ann"))


@pytest.fixture
def videos(tmp_path):
    """A long file of two people and a short one of one."""
    write(tmp_path / "videos/ann/talk.mp4", *TALK)
    write(tmp_path / "videos/ann/short.mp4", (0, 3, "ann"), long=False)
    return tmp_path / "videos"


@pytest.fixture
def run(monkeypatch, tmp_path):
    """`extract` with encoders that read what the files say."""
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", made_turns.setup_worker)

    def run(videos, turns=CUT, **options):
        return extract_clips(
            videos if isinstance(videos, list) else find_clips([videos]),
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            **{"worker_count": 0, "turns": turns, **options},
        )

    return run


@pytest.fixture
def rows(tmp_path):
    return lambda: {row.clip: row for row in Workspace.at(tmp_path / "w").table.rows()}


IDS = [f"ann/talk.mp4#{part}" for part in ("0-20", "20-25", "25-50", "50.5-60")]


def test_a_long_file_gives_a_row_a_turn_and_a_short_one_stays_one(videos, run, rows):
    report = run(videos)
    found = rows()
    assert sorted(found) == sorted(["ann/short.mp4", *IDS])
    turns = [found[clip] for clip in IDS]
    assert [(row.start, row.end) for row in turns] == [(0, 20), (20, 25), (25, 50), (50.5, 60)]
    assert {row.recording for row in turns} == {"ann/talk.mp4"}
    assert len({row.source_hash for row in turns}) == 4
    assert {(row.turn_of, row.turns) for row in turns} == {(turns[0].turn_of, 4)}
    assert (report.clips, report.embedded, report.files_by_turns, report.turns) == (2, 2, 1, 4)
    assert report.face_reasons == {"not_seen_speaking": 2} and not report.missing


def test_the_label_is_that_of_who_speaks_most(videos, run, rows):
    report = run(videos)
    assert [rows()[clip].speaker for clip in IDS] == ["ann", None, "ann", "ann"]
    (noted,) = report.noted
    assert noted.clip == "ann/talk.mp4"
    assert noted.note == "4 turns of 2 people; 1 is another's and has no name"


def test_nobody_has_the_name_where_it_is_not_clear_whose_it_is(tmp_path, run, rows):
    write(tmp_path / "videos/ann/talk.mp4", (0, 20, "ann"), (20, 38, "bob"))
    report = run(tmp_path / "videos")
    assert {row.speaker for row in rows().values()} == {None}
    assert "whether 'ann' is one of them is not clear" in report.noted[0].note


def test_turns_and_clips_mix_in_one_table(videos, run, rows):
    run(videos)
    made = {Fingerprint.from_json(row.extractor) for row in rows().values()}
    assert len(made) == 2 and len({each.of_any_track for each in made}) == 1


def test_a_second_run_reuses_all_turns(videos, run, rows):
    run(videos)
    before = rows()
    report = run(videos)
    assert (report.reused, report.embedded, report.turns) == (2, 0, 4)
    assert [row.speaker for row in rows().values()] == [row.speaker for row in before.values()]
    assert report.noted[0].note == "4 turns of 2 people; 1 is another's and has no name"


def test_a_changed_file_loses_all_its_earlier_turns(videos, run, rows):
    run(videos)
    write(videos / "ann/talk.mp4", (0, 20, "ann"), (30, 40, "ann"))
    assert run(videos).embedded == 1
    assert sorted(rows()) == ["ann/short.mp4", "ann/talk.mp4#0-20", "ann/talk.mp4#30-40"]


def test_a_file_that_was_one_row_is_cut_and_made_whole_again(videos, run, rows):
    run(videos, turns=None)
    assert sorted(rows()) == ["ann/short.mp4", "ann/talk.mp4"]
    report = run(videos)
    assert (report.reused, report.embedded) == (1, 1)
    assert sorted(rows()) == sorted(["ann/short.mp4", *IDS])
    assert run(videos, turns=None).embedded == 1
    assert sorted(rows()) == ["ann/short.mp4", "ann/talk.mp4"]


def test_all_files_are_cut_where_that_is_asked_for_and_stay_so(videos, run, rows):
    assert run(videos).embedded == 2
    report = run(videos, turns=EVERY)
    assert (report.reused, report.embedded) == (1, 1)
    assert sorted(rows()) == sorted(["ann/short.mp4#0-3", *IDS])
    assert run(videos).reused == 2 and len(rows()) == 5


def test_turns_stay_where_this_run_could_make_none(videos, run, rows):
    run(videos)
    report = run(videos, turns=TurnOptions(set_up=None))
    assert report.reused == 2 and len(rows()) == 5


def test_long_files_that_cannot_be_cut_are_told(videos, run, rows):
    report = run(videos, turns=TurnOptions(set_up=None))
    assert "1 file of over two minutes was not cut into turns" in report.warnings[0]
    assert not run(videos, turns=None).warnings
    assert run(videos).embedded == 1 and len(rows()) == 5


def test_a_file_without_turns_is_one_row_and_is_not_looked_through_again(tmp_path, run, rows):
    write(tmp_path / "videos/ann/talk.mp4", (0, 1.5, "ann"), (3, 4, "ann"))
    write(tmp_path / "videos/ann/music.mp4")
    write(tmp_path / "videos/ann/broken.mp4").write_text("long\nbroken")
    run(tmp_path / "videos")
    found = rows()
    assert sorted(found) == ["ann/broken.mp4", "ann/music.mp4", "ann/talk.mp4#0-1.5"]
    assert found["ann/talk.mp4#0-1.5"].voice_reason == "turn_too_short"
    assert found["ann/music.mp4"].note == "nobody is heard for long"
    assert found["ann/broken.mp4"].note == "not cut into turns: nothing of it can be decoded"
    assert {row.speaker for row in found.values()} == {"ann"}
    assert run(tmp_path / "videos").reused == 3


def test_a_moved_file_keeps_its_turns(videos, run, rows):
    run(videos)
    (videos / "ann").rename(videos / "anna")
    report = run(videos)
    assert (report.reused, report.embedded) == (2, 0)
    found = rows()
    assert sorted(found) == sorted(
        ["anna/short.mp4", *(clip.replace("ann/", "anna/") for clip in IDS)]
    )
    named = [found[clip.replace("ann/", "anna/")] for clip in IDS]
    assert [row.speaker for row in named] == ["anna", None, "anna", "anna"]
    assert ("ann/talk.mp4", "anna/talk.mp4") in report.renamed and len(report.renamed) == 2


def test_a_copy_has_turns_of_its_own(videos, run, rows):
    run(videos)
    shutil.copy(videos / "ann/talk.mp4", videos / "ann/copy.mp4")
    assert run(videos).reused == 3
    assert len(rows()) == 9


def test_a_file_that_lacks_a_turn_is_cut_again(videos, run, rows, tmp_path):
    run(videos)
    drop([IDS[1]], tmp_path / "w")
    assert run(videos).embedded == 1
    assert set(IDS) <= set(rows())


def test_a_file_is_dropped_with_all_its_turns(videos, run, rows, tmp_path):
    run(videos)
    assert len(drop(["ann/talk.mp4"], tmp_path / "w").dropped) == 4
    assert sorted(rows()) == ["ann/short.mp4"]


def test_turns_of_a_file_that_is_gone_are_pruned(videos, run, rows, tmp_path):
    run(videos)
    (videos / "ann/talk.mp4").unlink()
    assert len(run(videos).gone) == 4
    assert len(prune(tmp_path / "w").removed) == 4
    assert sorted(rows()) == ["ann/short.mp4"]


def test_a_name_that_a_person_gave_to_a_turn_stays(videos, run, rows, tmp_path):
    run(videos)
    with Workspace.at(tmp_path / "w").table.writer() as writer:
        writer.add(replace(rows()[IDS[1]], speaker="Bob", enrolled=True))
    assert run(videos).reused == 2
    assert rows()[IDS[1]].speaker == "Bob"
    write(videos / "ann/talk.mp4", (0, 20, "ann"), (20.5, 26, "bob"), (27, 50, "ann"))
    run(videos)
    assert [row.speaker for row in rows().values()] == ["ann", "ann", "Bob", "ann"]
    assert rows()["ann/talk.mp4#20.5-26"].enrolled
    (videos / "ann").rename(videos / "anna")
    run(videos)
    assert rows()["anna/talk.mp4#20.5-26"].speaker == "Bob" and len(rows()) == 4


def test_a_moved_file_of_which_all_turns_were_named_keeps_the_names(videos, run, rows, tmp_path):
    run(videos)
    with Workspace.at(tmp_path / "w").table.writer() as writer:
        for clip in IDS:
            writer.add(replace(rows()[clip], speaker="Ann B", enrolled=True))
    (videos / "ann/talk.mp4").rename(videos / "ann/speech.mp4")
    assert run(videos).reused == 2
    found = rows()
    assert len(found) == 5 and not set(IDS) & set(found)
    assert all(found[c.replace("talk", "speech")].speaker == "Ann B" for c in IDS)


def test_a_person_enrolled_by_a_whole_file_stays_and_gives_it_the_name(videos, run, rows, tmp_path):
    run(videos, turns=None)
    with Workspace.at(tmp_path / "w").table.writer() as writer:
        enrolled = {"speaker": "Anne", "recording": "r", "enrolled": True}
        writer.add(replace(rows()["ann/talk.mp4"], **enrolled))
    run(videos)
    found = rows()
    assert found["ann/talk.mp4"].speaker == "Anne"
    assert [found[clip].speaker for clip in IDS] == ["Anne", None, "Anne", "Anne"]
    assert {found[clip].recording for clip in ("ann/talk.mp4", *IDS)} == {"r"}  # never in two folds
    assert run(videos).reused == 2
    assert {rows()[clip].recording for clip in IDS} == {"r"}
    assert [rows()[clip].speaker for clip in IDS] == ["Anne", None, "Anne", "Anne"]


def test_parts_and_pictures_beside_sound_stay_one_row(tmp_path, run, rows):
    file = write(tmp_path / "talk.mp4", *TALK)
    picture = write(tmp_path / "face.jpg")
    clips = [
        Clip("part", file, start=10.0, end=200.0),
        Clip("pair", audio=write(tmp_path / "talk.wav"), image=picture),
    ]
    run(clips, turns=EVERY)
    assert sorted(rows()) == ["pair", "part"]
    assert run(clips, turns=EVERY).reused == 2


def test_workers_tell_how_far_they_are(videos, run, rows):
    told = []
    run(
        videos,
        engine=LocalEngine(device="cpu", workers=1),
        on_progress=lambda progress: told.append(progress.underway),
    )
    shares = [(each.clip, each.done, each.seconds) for each in told if each]
    assert ("ann/talk.mp4", 25.0, 60.0) in shares and told[-1] is None
    assert len(rows()) == 5


def test_a_name_goes_to_who_is_in_all_files_of_it(tmp_path, run, rows):
    talks = tmp_path / "videos/ann"
    write(talks / "1.mp4", (0, 20, "ann"), (20, 38, "bob"))
    write(talks / "2.mp4", (0, 20, "cem"), (20, 38, "ann"), (38, 70, "cem"))
    write(talks / "3.mp4", (0, 20, "dan"), (20, 40, "ann"))
    write(tmp_path / "videos/eve/4.mp4", (0, 20, "fay"), (20, 38, "eve"))
    report = run(tmp_path / "videos")
    named = {row.clip for row in rows().values() if row.speaker}
    assert named == {"ann/1.mp4#0-20", "ann/2.mp4#20-38", "ann/3.mp4#20-40"}
    assert report.noted[1].note == "3 turns of 2 people; 2 are of others and have no name"
    assert "not clear" in report.noted[3].note
    assert run(tmp_path / "videos").reused == 4
    assert {row.clip for row in rows().values() if row.speaker} == named


def test_a_short_clip_of_a_name_tells_whose_it_is_in_a_long_file(tmp_path, run, rows):
    write(tmp_path / "videos/ann/talk.mp4", (0, 20, "ann"), (20, 80, "host"))
    write(tmp_path / "videos/ann/short.mp4", (0, 9, "ann"), long=False)
    run(tmp_path / "videos", turns=EVERY)
    named = {row.clip for row in rows().values() if row.speaker}
    assert named == {"ann/short.mp4#0-9", "ann/talk.mp4#0-20"}
