"""The command `mraf timeline`, by a stand-in for the networks."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from mraf.pipeline.commands.terminal import bars
from mraf.pipeline.commands.timeline.options import formats_like
from mraf.pipeline.timeline.outputs.write import FORMATS
from mraf.pipeline.timeline.progress import TimelineProgress
from mraf.pipeline.timeline.wishes import DEFAULT_FORMATS
from tests.helpers.conversations import conversation, person
from tests.pipeline.timeline.conftest import stand_in

__all__ = ["stand_in"]


@pytest.fixture(autouse=True)
def _files(tmp_path):
    for name in ("talk.mp4", "bad.mp4", "stop.mp4"):
        (tmp_path / name).write_bytes(name.encode())


def test_a_summary_says_who_speaks_and_where_the_outputs_are(mraf, stand_in):
    stand_in.talk = conversation(
        notes=("sound and picture are out of step by 0.2 s",),
        people=(
            person("Ann", seconds=30.0, seen_seconds=32.0, notes=("the face alone looks like Bo",)),
            person("unknown 1", seconds=22.5, seen_seconds=22.4),
            person("unknown 2", seconds=6.0),
            person("unknown 3", seen_seconds=9.0),
        ),
    )
    code, out, _ = mraf("timeline", "talk.mp4")
    assert code == 0 and "note There is no model." in out
    assert "talk.mp4  1:00, 3 people speak, 1 only seen, 5 turns" in out
    ann, one, two, three = (
        line.split() for line in out.splitlines() if " 0:" in line and "1:00" not in line
    )
    assert ann == "Ann face and voice, 99% 0:30 51% 2 0:32".split() or ann[0] == "Ann"
    assert one == "unknown 1 0:22 38% 2 0:22".split()
    assert two == "unknown 2 0:06 10% 1 -".split() and three == "unknown 3 - - - 0:09".split()
    assert "note Ann: the face alone looks like Bo" in out and "note sound and picture" in out
    assert "timelines/talk: timeline.json, timeline.rttm, timeline.vtt" in out


def test_what_was_read_before_is_said_to_be_used_again(mraf, stand_in):
    mraf("timeline", "talk.mp4")
    stand_in.reused = 60.0
    code, out, _ = mraf("timeline", "talk.mp4", "--speakers", 2)
    assert code == 0 and "read before: re-used" in out
    stand_in.reused = 45.0
    assert "0:45 of it read before and re-used" in mraf("timeline", "talk.mp4")[1]


def test_json_is_one_object_and_nothing_else(mraf, stand_in):
    code, out, err = mraf("timeline", "talk.mp4", "bad.mp4", "--formats", "srt", "--json")
    assert code == 1 and "There is no model." in err
    first, second = json.loads(out)["videos"]
    assert (first["path"], first["duration"], first["error"]) == ("talk.mp4", 60.0, None)
    assert [each["name"] for each in first["speakers"]] == ["Ann", "unknown 1", "unknown 2"]
    keys = "start end speaker unknown probability overlap named_by track"
    assert set(first["turns"][0]) == set(keys.split())
    assert first["files"] == ["timelines/talk/timeline.json", "timelines/talk/timeline.srt"]
    assert first["folder"] == "timelines/talk" and first["reused"] == 0
    assert (second["path"], second["error"]) == ("bad.mp4", "bad.mp4: is no video")
    assert second["folder"] is None and second["turns"] == []


def test_a_file_that_fails_is_shown_and_the_others_go_on(mraf, stand_in):
    code, out, _ = mraf("timeline", "bad.mp4", "talk.mp4")
    assert code == 1 and "bad.mp4\n  no timeline: bad.mp4: is no video" in out
    assert "timelines/talk: timeline.json" in out


def test_ctrl_c_says_that_the_same_command_goes_on(mraf, stand_in):
    code, _, err = mraf("timeline", "stop.mp4")
    assert code == 130 and "What was done is kept: `mraf timeline` of the same files goes on" in err


def test_what_is_done_is_printed_as_json_when_it_is_broken_off(mraf, stand_in):
    code, out, _ = mraf("timeline", "talk.mp4", "stop.mp4", "--json")
    found = json.loads(out)
    assert code == 130 and "Interrupted" in found["error"]
    assert [each["path"] for each in found["videos"]] == ["talk.mp4"]
    assert len(found["videos"][0]["turns"]) == 5
    code, out, _ = mraf("timeline", "stop.mp4", "--json")
    assert code == 130 and set(json.loads(out)) == {"error"}


@pytest.mark.parametrize("room", [None, 0, 1])
def test_a_full_disk_for_temporary_files_costs_no_work(mraf, stand_in, monkeypatch, room):
    """Of the objects to print there is room for none, or for some of them."""
    made = []

    class Full(io.BytesIO):
        def write(self, found: bytes) -> int:
            if len(made) >= room:
                return super().write(found[: len(found) // 2])
            made.append(len(found))
            return super().write(found)

    def temporary(*_: object, **__: object) -> Full:
        if room is None:
            raise FileNotFoundError("no usable temporary directory")
        return Full()

    monkeypatch.setattr("tempfile.TemporaryFile", temporary)
    code, out, _ = mraf("timeline", "talk.mp4", "bad.mp4", "talk.mp4", "--json")
    paths = [each["path"] for each in json.loads(out)["videos"]]
    assert code == 1 and paths == ["talk.mp4", "bad.mp4"]


def test_without_json_nothing_is_kept_to_be_printed(mraf, stand_in, monkeypatch):
    def none(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    monkeypatch.setattr("tempfile.TemporaryFile", none)
    assert mraf("timeline", "talk.mp4")[0] == 0


def test_wrong_options_end_it_before_work(mraf, stand_in):
    for options, said in (
        (("--speakers", 0), "at least 1 person speaks"),
        (("--speakers", 2, "--max-speakers", 3), "leave out --min-speakers and --max-speakers"),
        (("--min-speakers", 3, "--max-speakers", 2), "is more than --max-speakers 2"),
        (("--formats", "rtm"), "there are: all, json, rttm"),
        (("--rename", "Ann=Bo", "--formats", "srt"), "in a command of their own"),
        (("--rename", "Ann=Bo", "--no-corrections"), "in a command of their own"),
        (("--rename", "Ann=Bo", "--threshold", 0), "in a command of their own"),
        (("--rename", "Ann=Bo", "--speakers", 0), "in a command of their own"),
        (("--split", "Ann@1-2=Bo", "bad.mp4"), "of one file, and 2 are named"),
        (("--rename", "Ann=Bo"), "Run `mraf timeline` on it first"),
    ):
        code, _, err = mraf("timeline", "talk.mp4", *options)
        assert code == 2 and said in " ".join(err.split()), err
    assert not stand_in.made


def test_corrections_are_shown_with_what_was_written(mraf, stand_in):
    mraf("timeline", "talk.mp4")
    code, out, _ = mraf(
        "timeline", "talk.mp4", "--rename", "unknown 1=Ann Lee", "--split", "Ann@30-=Bo"
    )
    assert code == 0 and "corrected: unknown 1=Ann Lee" in out and "corrected: Ann@0:30-=Bo" in out
    assert "hand" in out and "timelines/talk: timeline.json" in out
    code, _, err = mraf("timeline", "timelines/talk", "--rename", "unknown 2=Ann")
    assert code == 2 and "say --yes" in err
    code, out, _ = mraf("timeline", "talk.mp4", "--rename", "unknown 2=Ann", "--yes", "--json")
    found = json.loads(out)
    assert code == 0 and found["corrected"] == ["unknown 2=Ann"] and found["enrolled"] == []
    assert [p["name"] for p in found["videos"][0]["speakers"]] == ["Ann", "Ann Lee", "Bo"]
    code, out, _ = mraf("timeline", "talk.mp4")
    assert "3 corrections by hand made again" in out and "Ann Lee" in out


def test_ctrl_c_while_outputs_are_written_keeps_the_corrections(mraf, stand_in, monkeypatch):
    mraf("timeline", "talk.mp4")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mraf.pipeline.timeline.corrections.correct.write_outputs", stop)
    code, _, err = mraf("timeline", "talk.mp4", "--rename", "unknown 1=Bob")
    assert code == 130 and "The corrections are kept" in err
    assert Path("timelines/talk/corrections.json").is_file()


def test_a_person_is_enrolled_from_a_timeline(mraf, stand_in):
    mraf("timeline", "talk.mp4")
    code, out, _ = mraf("timeline", "talk.mp4", "--rename", "unknown 1=Bob", "--enrol", "Bob")
    assert code == 0 and "Bob enrolled: 2 clips, face in 2, voice in 2, 21.5 s of speech" in out
    assert "There was no model" in out
    code, out, _ = mraf("timeline", "talk.mp4", "--enrol", "Ann", "--json")
    assert code == 0 and json.loads(out)["enrolled"][0]["name"] == "Ann"


def test_names_that_terminals_would_act_on_are_shown_as_they_are(mraf, stand_in):
    odd = "[red]\x1b[31mAnn"
    stand_in.talk = conversation(
        people=(person(odd, seconds=1.0),), turns=(), tracks=(), notes=("[bold]x",)
    )
    code, out, _ = mraf("timeline", "talk.mp4")
    assert code == 0 and "[red]\\x1b[31mAnn" in out and "[bold]x" in out


def test_nobody_at_all(mraf, stand_in):
    stand_in.talk = conversation(people=(), turns=(), tracks=())
    code, out, _ = mraf("timeline", "talk.mp4")
    assert code == 0 and "talk.mp4  1:00, nobody speaks, 0 turns" in out


def test_help_names_the_formats_the_defaults_and_lr_asd(mraf):
    code, out, _ = mraf("timeline", "--help")
    said = " ".join(out.replace("│", " ").split())
    assert code == 0 and "mraf weights get lr-asd" in said
    assert "timeline.html, a page to look and listen" in said
    assert "Least number of people who speak" in said and "Largest number of people" in said
    assert "To have them again, name this file corrections.json" in said
    assert (
        "json, rttm, vtt, srt, eaf (ELAN), txt (Audacity), csv, html (a page), mp4 (names in"
        in said
    )
    assert set(FORMATS) - set(DEFAULT_FORMATS) == {"eaf", "mp4"}


def test_formats_are_completed():
    assert set(formats_like("")) == {"all", *FORMATS}
    assert formats_like("srt,v") == ["srt,vtt"]


def test_a_bar_shows_speed_and_time_left(monkeypatch):
    shown = Console(force_terminal=True, width=140, file=io.StringIO())
    clock = iter([100.0, 110.0, 150.0])
    monkeypatch.setattr(bars, "err", lambda: shown)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(bars, "_now", lambda: next(clock))

    def told(seconds: float, step: str = "reading") -> TimelineProgress:
        return TimelineProgress(
            path=Path("[b]talk.mp4"), number=2, files=3, step=step, seconds=seconds,
            duration=3600.0, reused=600.0,
        )  # fmt: skip

    with bars.timeline_bar(False) as show:
        show(told(600.0))
        show(told(720.0))
    text = shown.file.getvalue()
    assert "Reading [b]talk.mp4 (2 of 3)" in text
    assert "12:00 of 1:00:00, 10:00 re-used, 12.0x, 4:00 left" in text
    with bars.timeline_bar(False) as show:
        show(told(720.0, "waiting"))
    assert "Waiting for the decoder of [b]talk.mp4 (2 of 3)" in shown.file.getvalue()


def test_what_is_printed_does_not_meet_a_bar(monkeypatch):
    shown = Console(force_terminal=True, width=100, file=io.StringIO())
    monkeypatch.setattr(bars, "err", lambda: shown)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told = TimelineProgress(path=Path("a"), number=1, files=1, step="reading")
    with bars.timeline_bars(False) as (_, on_progress, aside):
        on_progress(told)
        assert aside(lambda x: x + 1, 1) == 2
        on_progress(told)


def test_corrections_of_several_files_are_set_aside_after_a_yes(mraf, stand_in):
    Path("two.mp4").write_bytes(b"two")
    mraf("timeline", "talk.mp4", "two.mp4")
    for name in ("talk.mp4", "two.mp4"):
        mraf("timeline", name, "--rename", "unknown 1=Bob")
    code, _, err = mraf("timeline", "talk.mp4", "two.mp4", "--no-corrections")
    assert code == 2 and "of 2 files: talk.mp4, two.mp4" in " ".join(err.split()) and "--yes" in err
    code, out, _ = mraf("timeline", "talk.mp4", "two.mp4", "--no-corrections", "--yes")
    assert code == 0 and "set aside as timelines/talk/corrections.old.json" in " ".join(out.split())
