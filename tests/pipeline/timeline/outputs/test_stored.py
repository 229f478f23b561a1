import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mraf.errors import MissingError, UsageError
from mraf.extractors.media.tracks import Wish
from mraf.pipeline.timeline.outputs.stored import NAME, as_json, load, save
from mraf.pipeline.timeline.timeline import Person, Streams, Timeline, Turn
from tests.helpers.timelines import ANN, STRANGER, talk


def saved(timeline: Timeline, folder: Path) -> Path:
    save(timeline, folder / NAME)
    return folder / NAME


def changed(file: Path, change) -> Path:
    found = json.loads(file.read_text("utf-8"))
    change(found)
    file.write_text(json.dumps(found), "utf-8")
    return file


def test_what_is_written_is_read_again(tmp_path):
    timeline = talk(path=str(tmp_path / "a b#?%.mp4"))
    assert load(saved(timeline, tmp_path / "out")) == timeline
    assert load(tmp_path / "out") == timeline  # by its folder


def test_a_second_trip_changes_nothing(tmp_path):
    timeline = talk(turns=(Turn(start=1 / 3, end=2 / 3, speaker=ANN),), cuts=(1 / 7,))
    once = load(saved(timeline, tmp_path))
    before = (tmp_path / NAME).read_bytes()
    assert once.turns[0].start == 0.333
    assert load(saved(once, tmp_path)) == once
    assert (tmp_path / NAME).read_bytes() == before


def test_the_keys_that_programs_rely_on(tmp_path):
    found = json.loads(saved(talk(), tmp_path).read_text("utf-8"))
    assert found["version"] == 1
    assert found["speakers"][0]["name"] == ANN and found["speakers"][2]["unknown"] is True
    assert found["turns"][0] == {
        "start": 0.5,
        "end": 3.5,
        "speaker": ANN,
        "unknown": False,
        "probability": 0.97,
        "named_by": "face and voice",
        "overlap": 0.5,
        "track": 0,
    }
    assert found["tracks"][1] == {
        "speaker": STRANGER,
        "times": [6.0, 6.2],
        "boxes": [[0.5, 0.25, 0.75, 0.75]] * 2,
    }
    assert {"path", "duration", "size", "error", "notes", "cuts"} <= set(found)


def test_a_line_a_turn(tmp_path):
    lines = saved(talk(), tmp_path).read_text("utf-8").splitlines()
    assert len([line for line in lines if '"start"' in line]) == 3


def test_video_and_timeline_may_move_together(tmp_path):
    before, after = tmp_path / "before", tmp_path / "after"
    (before / "out").mkdir(parents=True)
    saved(talk(path=str(before / "گفتگو 1.mp4")), before / "out")
    assert json.loads((before / "out" / NAME).read_text("utf-8"))["path"] == "../گفتگو 1.mp4"
    shutil.move(before, after)
    assert load(after / "out").path == str(after / "گفتگو 1.mp4")


def test_a_path_is_that_of_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(talk(path="video.mp4"), Path("out"))
    assert load(tmp_path / "out").path == str(tmp_path / "video.mp4")


def test_a_video_far_away_keeps_its_place(tmp_path):
    found = as_json(talk(path="/elsewhere/video.mp4"), tmp_path)
    assert found["path"] == "/elsewhere/video.mp4"


def test_a_file_name_that_is_no_text(tmp_path):
    path = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.mp4")
    assert load(saved(talk(path=path), tmp_path)).path == path


def test_nothing_to_say(tmp_path):
    empty = Timeline(path="", duration=None, error="no sound and no picture")
    assert load(saved(empty, tmp_path)) == empty


def test_numbers_that_json_cannot_hold_become_null(tmp_path):
    odd = talk(duration=float("nan"))
    assert load(saved(odd, tmp_path)).duration is None


def test_no_timeline(tmp_path):
    for where in (tmp_path, tmp_path / "absent", tmp_path / "absent" / NAME):
        with pytest.raises(MissingError, match="mraf timeline VIDEO"):
            load(where)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "\ufeff{}", '{"turns": NaN}', "null"])
def test_no_timeline_but_a_file(tmp_path, text):
    (tmp_path / NAME).write_text(text, "utf-8")
    with pytest.raises(UsageError, match="is no timeline") as caught:
        load(tmp_path)
    assert str(tmp_path / NAME) in str(caught.value)


def test_bytes_that_are_no_text(tmp_path):
    (tmp_path / NAME).write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)


def test_a_later_version_is_told(tmp_path):
    file = changed(saved(talk(), tmp_path), lambda found: found.update(version=2))
    with pytest.raises(UsageError, match="found version 2, expected 1"):
        load(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["turns"][1].update(start="soon"), r"turns\[1\].start: found 'soon'"),
        (lambda f: f["turns"][1].pop("end"), r"turns\[1\].end: found no such key"),
        (lambda f: f["turns"][0].update(end=0.1), "start <= end"),
        (lambda f: f["turns"][0].update(start=-1), "0 <= start"),
        (lambda f: f["turns"][2].update(speaker="Eve"), "found 'Eve', expected a name"),
        (lambda f: f["turns"][2].update(track=9), "found 9, expected one of 3 tracks"),
        (lambda f: f["tracks"][0]["times"].pop(), "expected one for each"),
        (lambda f: f["tracks"][0]["boxes"][1].pop(), r"tracks\[0\].boxes\[1\]"),
        (lambda f: f["tracks"][0].update(speaker="Eve"), r"tracks\[0\].speaker: found 'Eve'"),
        (lambda f: f["speakers"].append(f["speakers"][0]), "found a name twice"),
        (lambda f: f["speakers"][0].pop("name"), r"speakers\[0\].name"),
        (lambda f: f.update(turns=3), "turns: found 3"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, change, message):
    file = changed(saved(talk(), tmp_path), change)
    with pytest.raises(UsageError, match=message) as caught:
        load(file)
    assert str(caught.value).startswith(str(file))


def test_a_later_field_is_passed_over(tmp_path):
    file = changed(saved(talk(), tmp_path), lambda found: found.update(mood="calm"))
    assert load(file) == replace(talk(), path="")


def test_a_person_who_is_only_seen(tmp_path):
    seen = Timeline(path="", duration=1.0, people=(Person(name="A", unknown=False),))
    assert load(saved(seen, tmp_path)) == seen


def test_content_and_tracks_are_kept(tmp_path):
    streams = Streams(sound=2, asked_sound="fr")
    timeline = talk(content="ab" * 16, content_bytes=9, streams=streams)
    found = load(saved(timeline, tmp_path))
    assert (found.content, found.content_bytes, found.streams) == ("ab" * 16, 9, streams)
    assert found.wish == Wish(sound=2, picture=0) and streams.asked == Wish(sound="fr")


def test_a_file_of_before_content_was_kept(tmp_path):
    def older(found):
        for key in ("content", "content_bytes", "streams"):
            del found[key]

    found = load(changed(saved(talk(content="x", streams=Streams()), tmp_path), older))
    assert (found.content, found.content_bytes, found.streams) == ("", 0, None)
    assert found.wish == Wish()
