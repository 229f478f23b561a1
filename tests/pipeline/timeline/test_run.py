"""Timelines of files and folders, by a stand-in for the networks."""

import errno
import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from mraf import correct, timeline
from mraf.errors import MissingError, UsageError
from mraf.pipeline.timeline import run
from mraf.pipeline.timeline.outputs.write import FORMATS
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.timeline.wishes import DEFAULT_FORMATS
from tests.helpers.conversations import conversation, person


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("talk.mp4", "bad.mp4", "show/s1/ep.mp4", "show/s2/ep.mp4"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(name.encode())


def there(folder: str) -> set[str]:
    return {file.name for file in Path(folder).iterdir()}


def test_each_file_has_its_outputs(stand_in):
    done, notes = [], []
    found = timeline(["talk.mp4", "show"], on_done=done.append, on_note=notes.append)
    assert [len(each.turns) for each in found] == [5, 5, 5] and notes == ["There is no model."]
    assert there("timelines/talk") == {f"timeline.{name}" for name in DEFAULT_FORMATS}
    assert there("timelines/s1/ep") == there("timelines/s2/ep") == there("timelines/talk")
    assert [str(each.folder) for each in done][1:] == ["timelines/s1/ep", "timelines/s2/ep"]
    assert [file.name for file in done[0].files] == [
        f"timeline.{n}" for n in FORMATS if n in DEFAULT_FORMATS
    ]
    stored = json.loads(Path("timelines/talk/timeline.json").read_text("utf-8"))
    assert stored["path"] == "../../talk.mp4"


def test_a_file_that_fails_does_not_end_the_others(stand_in):
    done = []
    found = timeline(["bad.mp4", "talk.mp4"], out="out", on_done=done.append)
    assert [each.error for each in found] == ["bad.mp4: is no video", None]
    assert there("out") == {"talk"} and done[0].files == ()


def test_options_reach_the_networks(stand_in):
    timeline("talk.mp4", speakers=3, device="cpu", audio_track="en", face="dlib", formats=["srt"])
    ((_, got),) = stand_in.made
    assert (got["device"], got["audio_track"], got["face"]) == ("cpu", "en", "dlib")
    assert got["wishes"].speakers == 3 and got["wishes"].formats == ("json", "srt")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"speakers": 0}, "--speakers 0: at least 1 person speaks"),
        ({"max_speakers": -1}, "--max-speakers -1"),
        ({"speakers": 2, "min_speakers": 1}, "leave out --min-speakers"),
        ({"min_speakers": 3, "max_speakers": 2}, "--min-speakers 3 is more than --max-speakers 2"),
        ({"formats": "jsn"}, r"no format 'jsn' .*rttm.*mp4.*Did you mean 'json'"),
        ({"formats": " , "}, "names none"),
        ({"formats": "srt", "embed": True}, "add html"),
        ({"threshold": 1.5}, "1.5"),
        ({"paths": ["talk.mp4", "gone.mp4"]}, "gone.mp4: no such file"),
    ],
)
def test_options_are_checked_before_work(stand_in, options, said):
    with pytest.raises(UsageError, match=said):
        timeline(**{"paths": "talk.mp4", **options})
    assert not stand_in.made and not Path("timelines").exists()


def test_all_is_every_format_and_names_may_be_written_together(stand_in):
    timeline("talk.mp4", formats="RTTM, .srt,eaf")
    assert there("timelines/talk") == {f"timeline.{n}" for n in ("json", "rttm", "srt", "eaf")}


def test_formats_that_are_there_follow_a_timeline_that_changed(stand_in):
    timeline("talk.mp4", formats="vtt,csv")
    stand_in.talk = replace(conversation(), turns=conversation().turns[:2])
    timeline("talk.mp4", formats="srt", speakers=2)
    assert "unknown 2" not in Path("timelines/talk/timeline.vtt").read_text("utf-8")
    assert there("timelines/talk") == {f"timeline.{n}" for n in ("json", "vtt", "csv", "srt")}


def test_formats_that_are_there_stay_as_they_are_where_nothing_changed(stand_in):
    timeline("talk.mp4", formats="vtt")
    Path("timelines/talk/timeline.vtt").write_text("by hand")
    timeline("talk.mp4", formats="srt")
    assert Path("timelines/talk/timeline.vtt").read_text() == "by hand"


def test_sound_has_no_annotated_video_and_the_rest_is_written(stand_in):
    stand_in.talk = conversation(tracks=(), size=None)
    done = []
    timeline("talk.mp4", formats="mp4,srt", on_done=done.append)
    assert done[0].remarks == ("no annotated video is written: there is no picture",)
    assert done[0].problems == ()
    assert there("timelines/talk") == {"timeline.json", "timeline.srt"}


def test_corrections_survive_a_second_run(stand_in):
    timeline("talk.mp4")
    correct("talk.mp4", rename={"unknown 1": "Ann Lee"})
    done = []
    (found,) = timeline("talk.mp4", on_done=done.append)
    assert [p.name for p in found.people] == ["Ann", "Ann Lee", "unknown 2"]
    assert done[0].corrections == 1
    (found,) = timeline("talk.mp4", corrections=False)
    assert [p.name for p in found.people] == ["Ann", "unknown 1", "unknown 2"]
    assert "corrections.old.json" in there("timelines/talk")
    (found,) = timeline("talk.mp4")
    assert [p.name for p in found.people] == ["Ann", "unknown 1", "unknown 2"]


def test_numbers_stay_where_the_model_has_learned_somebody(stand_in):
    """It names the first stranger now, and would call the second one "unknown 1"."""
    timeline("talk.mp4")
    correct("talk.mp4", rename={"unknown 1": "Bob"})
    names = {"unknown 1": "Bob", "unknown 2": "unknown 1"}
    talk = conversation()
    stand_in.talk = replace(
        talk,
        people=tuple(person(names.get(p.name, p.name)) for p in talk.people),
        turns=tuple(replace(t, speaker=names.get(t.speaker, t.speaker)) for t in talk.turns),
        tracks=tuple(
            replace(t, speaker=names.get(t.speaker or "", t.speaker)) for t in talk.tracks
        ),
    )
    (found,) = timeline("talk.mp4")
    assert [p.name for p in found.people] == ["Ann", "Bob", "unknown 2"]
    assert found.people[1].named_by == "face and voice"
    assert found.turns[2].speaker == "unknown 2"


def named(found) -> list[str]:
    return [person.name for person in found.people]


def test_corrections_of_other_content_are_set_aside(stand_in):
    """Else whoever speaks at the same times has the name that another was given."""
    timeline("talk.mp4")
    correct("talk.mp4", rename={"unknown 1": "Ann Lee"})
    Path("talk.mp4").write_bytes(b"the news of the next day")
    done = []
    (found,) = timeline("talk.mp4", on_done=done.append)
    assert named(found) == ["Ann", "unknown 1", "unknown 2"] and done[0].corrections == 0
    (remark,) = done[0].remarks
    assert "of other content" in remark and "kept as corrections.old.json" in remark
    assert (Path("timelines/talk") / "corrections.old.json").is_file()
    timeline("talk.mp4", on_done=done.append)
    assert done[1].remarks == ()


def test_a_file_of_the_same_name_elsewhere_has_not_the_corrections_of_one_that_is_gone(stand_in):
    timeline("show/s1/ep.mp4")
    correct("show/s1/ep.mp4", rename={"unknown 1": "Ann Lee"})
    Path("show/s1/ep.mp4").unlink()
    done = []
    before = Path("timelines/ep/timeline.json").read_bytes()
    (found,) = timeline("show/s2/ep.mp4", on_done=done.append)
    assert done[0].folder == Path("timelines/ep (2)") and done[0].remarks == ()
    assert named(found) == ["Ann", "unknown 1", "unknown 2"]
    # It may be on a drive that is not at hand.
    assert Path("timelines/ep/timeline.json").read_bytes() == before
    assert "corrections.json" in there("timelines/ep")


def test_corrections_stay_with_a_file_that_is_renamed(stand_in):
    timeline("talk.mp4", formats="srt")
    correct("talk.mp4", rename={"unknown 1": "Ann Lee"})
    Path("talk.mp4").rename("interview.mp4")
    done = []
    (found,) = timeline("interview.mp4", formats="srt", on_done=done.append)
    assert named(found) == ["Ann", "Ann Lee", "unknown 2"] and done[0].corrections == 1
    assert done[0].folder == Path("timelines/talk") and "talk.mp4" in done[0].remarks[0]
    assert there("timelines") == {"talk"}
    timeline("interview.mp4", on_done=done.append)
    assert done[1].remarks == () and done[1].folder == Path("timelines/talk")
    assert correct("interview.mp4", rename={"unknown 2": "Cy"}).folder == Path("timelines/talk")


def test_corrections_move_with_the_file_and_grow_with_it(stand_in):
    timeline("show/s1/ep.mp4")
    correct("show/s1/ep.mp4", rename={"unknown 1": "Ann Lee"})
    Path("show/s1/ep.mp4").rename("ep.mp4")
    (found,) = timeline("ep.mp4")
    assert named(found) == ["Ann", "Ann Lee", "unknown 2"]
    with Path("ep.mp4").open("ab") as file:
        file.write(b" and what was recorded since")
    (found,) = timeline("ep.mp4")
    assert named(found) == ["Ann", "Ann Lee", "unknown 2"]


def test_corrections_that_were_kept_without_content_are_of_the_timeline_beside_them(stand_in):
    timeline("talk.mp4")
    correct("talk.mp4", rename={"unknown 1": "Ann Lee"})
    file = Path("timelines/talk/corrections.json")
    stored = json.loads(file.read_text("utf-8"))
    del stored["content"], stored["content_bytes"]
    file.write_text(json.dumps(stored), "utf-8")
    assert named(timeline("talk.mp4")[0])[1] == "Ann Lee"
    Path("talk.mp4").write_bytes(b"other")
    assert named(timeline("talk.mp4")[0])[1] == "unknown 1"


def test_what_is_set_aside_stays_and_the_remark_says_how_to_have_it_again(stand_in):
    for name in ("Ann Lee", "Bob"):
        timeline("talk.mp4")
        correct("talk.mp4", rename={"unknown 1": name})
        done = []
        timeline("talk.mp4", corrections=False, on_done=done.append)
    assert {"corrections.old.json", "corrections.old.2.json"} <= there("timelines/talk")
    (remark,) = done[0].remarks
    assert (
        "corrections.old.2.json" in remark and "give the file the name corrections.json" in remark
    )
    Path("timelines/talk/corrections.old.json").rename("timelines/talk/corrections.json")
    assert named(timeline("talk.mp4")[0]) == ["Ann", "Ann Lee", "unknown 2"]


def test_corrections_of_several_files_are_not_set_aside_without_a_yes(stand_in):
    timeline(["talk.mp4", "show"])
    for name in ("talk.mp4", "show/s1/ep.mp4"):
        correct(name, rename={"unknown 1": "Bob"})
    stand_in.made.clear()
    files = ["talk.mp4", "show"]
    with pytest.raises(UsageError, match=r"of 2 files: talk\.mp4, ep\.mp4.*--yes"):
        timeline(files, corrections=False)
    asked = []
    with pytest.raises(UsageError, match="The corrections stay"):
        timeline(files, corrections=False, on_question=lambda q: bool(asked.append(q)))
    assert len(asked) == 1 and not stand_in.made
    assert "corrections.json" in there("timelines/talk")
    timeline(files, corrections=False, yes=True)
    assert "corrections.old.json" in there("timelines/s1/ep")


def test_what_is_corrected_while_a_run_writes_is_not_lost(stand_in, monkeypatch):
    """The run has read the corrections when another command makes one."""
    timeline("talk.mp4")
    before, waiting, threads = run.write_outputs, threading.Event(), []

    def meanwhile(*args, **more):
        if not threads:
            thread = threading.Thread(
                target=lambda: correct("talk.mp4", rename={"unknown 1": "Bob"})
            )
            threads.append(thread)
            thread.start()
            assert waiting.wait(60)
        return before(*args, **more)

    monkeypatch.setattr(run, "write_outputs", meanwhile)
    acquire = FileLock.acquire

    def told(self, *args, **more):
        if threads:
            waiting.set()
        return acquire(self, *args, **more)

    monkeypatch.setattr(FileLock, "acquire", told)
    timeline("talk.mp4", speakers=2)
    threads[0].join()
    stored = json.loads(Path("timelines/talk/timeline.json").read_text("utf-8"))
    assert [each["name"] for each in stored["speakers"]] == ["Ann", "Bob", "unknown 2"]
    assert named(timeline("talk.mp4")[0]) == ["Ann", "Bob", "unknown 2"]
    assert not {name for name in there("timelines/talk") if name.startswith(".")}


def test_damaged_corrections_cost_one_file_and_no_work_on_it(stand_in):
    timeline("talk.mp4")
    Path("timelines/talk/corrections.json").write_text("{")
    before = Path("timelines/talk/timeline.json").read_bytes()
    stand_in.made.clear()
    notes, done = [], []
    found = timeline(["talk.mp4", "show"], on_note=notes.append, on_done=done.append)
    assert "corrections.json" in found[0].error and "Mend the file" in found[0].error
    assert [each.error for each in found[1:]] == [None, None]
    assert [name for name, _ in stand_in.made] == ["ep.mp4", "ep.mp4"]
    assert "Mend the file" in notes[-1]  # before the work on the others
    assert Path("timelines/talk/timeline.json").read_bytes() == before
    (found,) = timeline("talk.mp4", corrections=False)
    assert found.error is None


def test_what_was_written_before_a_full_disk_is_reported(stand_in, monkeypatch):
    def full(task):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(FORMATS, "html", replace(FORMATS["html"], write=full))
    done = []
    found = timeline("talk.mp4", on_done=done.append)
    assert [file.name for file in done[0].files] == [
        f"timeline.{n}" for n in FORMATS if n in DEFAULT_FORMATS and n != "html"
    ]
    assert "timeline.html: cannot be written (No space left on device)" in done[0].problems[0]
    assert not any(isinstance(each, Timeline) for each in found._all)  # it is on the disk


def test_progress_says_which_file_and_how_far(stand_in):
    told = []
    timeline(["talk.mp4", "show"], on_progress=told.append)
    assert [(t.number, t.files) for t in told if t.step == "reading"] == [(1, 3), (2, 3), (3, 3)]
    assert told[0].seconds == 30.0 and told[0].duration == 60.0 and told[0].path == Path("talk.mp4")


def test_a_folder_that_cannot_be_written_is_told(stand_in):
    Path("out/talk/timeline.json").mkdir(parents=True)
    done = []
    found = timeline(["talk.mp4", "show"], out="out", on_done=done.append)
    assert len(found) == 3 and found[0].error is None and len(found[0].turns) == 5
    assert done[0].files == () and "cannot be written" in done[0].problems[0]
    assert [each.problems for each in done[1:]] == [(), ()] and done[2].files


@pytest.mark.parametrize("where", ["make", "write"])
def test_an_error_that_nobody_foresaw_costs_one_file(stand_in, monkeypatch, where):
    def fails(*args, **more):
        raise IndexError("index 1 is out of bounds")

    if where == "make":
        plain = stand_in.make
        monkeypatch.setattr(
            stand_in,
            "make",
            lambda self, path, told: (fails if "s1" in str(path) else plain)(self, path, told),
        )
    else:
        plain = run.write_outputs
        monkeypatch.setattr(
            run,
            "write_outputs",
            lambda found, folder, *args, **more: (fails if "s1" in str(folder) else plain)(
                found, folder, *args, **more
            ),
        )
    found = timeline(["show", "talk.mp4"])
    assert [each.error is None for each in found] == [False, True, True]
    assert "not foreseen: IndexError: index 1 is out of bounds (test_run.py, line" in found[0].error


def test_timelines_of_many_files_are_not_kept_in_memory(stand_in):
    found = timeline(["talk.mp4", "bad.mp4", "show"])
    assert sum(isinstance(each, Timeline) for each in found._all) == 1  # that of the bad one
    assert [len(each.turns) for each in found] == [5, 0, 5, 5]
    assert found[0].path == str(Path("talk.mp4").absolute())
    assert [each.path for each in found[-2:]] == [each.path for each in list(found)[2:]]
    with pytest.raises(IndexError):
        found[4]
    Path("timelines/talk/timeline.json").unlink()
    with pytest.raises(MissingError, match="there is no timeline"):
        found[0]


@pytest.mark.parametrize("stops", ["vtt", "html"])
def test_outputs_of_a_run_that_was_broken_off_are_made_anew(stand_in, monkeypatch, stops):
    """Else they would have the old names for ever: timeline.json is as it should be."""
    timeline("talk.mp4", formats="vtt,csv,html")
    stand_in.talk = replace(conversation(), turns=conversation().turns[:2])
    plain = FORMATS[stops]

    def stop(task):
        raise KeyboardInterrupt

    monkeypatch.setitem(FORMATS, stops, replace(plain, write=stop))
    with pytest.raises(KeyboardInterrupt):
        timeline("talk.mp4", formats="json")
    monkeypatch.setitem(FORMATS, stops, plain)
    timeline("talk.mp4", formats="json")
    for name in ("vtt", "csv", "html"):
        text = Path(f"timelines/talk/timeline.{name}").read_text("utf-8")
        assert "unknown 2" not in text.replace('"unknown 2"', ""), name
    assert there("timelines/talk") == {f"timeline.{n}" for n in ("json", "vtt", "csv", "html")}
    Path("timelines/talk/timeline.vtt").write_text("by hand")
    timeline("talk.mp4", formats="json")
    assert Path("timelines/talk/timeline.vtt").read_text() == "by hand"


def test_corrections_stay_with_a_file_beside_which_another_comes(stand_in):
    timeline("talk.mp4")
    correct("talk.mp4", rename={"unknown 1": "Ann Lee"})
    Path("talk.wav").write_bytes(b"talk.wav")
    done = []
    first, second = timeline(["talk.mp4", "talk.wav"], on_done=done.append)
    assert [str(each.folder) for each in done] == ["timelines/talk", "timelines/talk.wav"]
    assert named(first)[1] == "Ann Lee" and named(second)[1] == "unknown 1"
