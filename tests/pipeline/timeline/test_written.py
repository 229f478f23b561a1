"""The files of a folder of outputs: none contradicts `timeline.json`, and none that fails costs another."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest

from mraf.errors import MediaError, UsageError
from mraf.pipeline.timeline.outputs.write import FORMATS
from mraf.pipeline.timeline.timeline import Timeline
from mraf.pipeline.timeline.written import write_outputs
from tests.helpers.conversations import conversation


@pytest.fixture
def video(tmp_path) -> Path:
    file = tmp_path / "talk.mp4"
    file.write_bytes(b"a video")
    return file


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def put(monkeypatch):
    """Put another writer in the place of a format's own, or one that raises."""

    def put(name: str, what) -> list[int]:
        turns: list[int] = []

        def write(task) -> None:
            turns.append(len(task.timeline.turns))
            if what is not None:
                raise what
            task.file.write_text(str(turns[-1]))

        monkeypatch.setitem(FORMATS, name, replace(FORMATS[name], write=write))
        return turns

    return put


def first(video: Path) -> Timeline:
    return conversation(path=str(video))


def second(video: Path) -> Timeline:
    """The same, changed: it has two turns."""
    return replace(first(video), turns=first(video).turns[:2])


def names(files) -> list[str]:
    return [file.name.removeprefix("timeline.") for file in files]


def there(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


FULL = OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_be_made_anew_without_the_video_is_set_aside_and_made_when_it_is_back(
    video, folder, put
):
    put("mp4", None)
    write_outputs(first(video), folder, ["srt", "mp4"], video=video)
    put("mp4", MediaError("timeline.mp4: is made from the video, which is not at hand."))
    video.unlink()
    found = write_outputs(second(video), folder, (), video=None)
    (problem,) = found.problems
    assert "not at hand. timeline.mp4 was of an earlier timeline" in problem
    assert "kept as timeline.old.mp4. The next run writes it." in problem
    assert names(found.files) == ["json", "srt"]
    assert "timeline.mp4" not in there(folder)
    assert (folder / "timeline.old.mp4").read_text() == "5"
    video.write_bytes(b"a video")
    assert put("mp4", None) == []
    found = write_outputs(second(video), folder, (), video=video)
    assert names(found.files) == ["json", "mp4"]
    assert (folder / "timeline.mp4").read_text() == "2" and ".unfinished" not in there(folder)


def test_an_annotated_video_that_fails_is_tried_again_when_it_is_asked_for(video, folder, put):
    """It takes hours: not at each run."""
    put("mp4", None)
    write_outputs(first(video), folder, ["mp4"], video=video)
    tries = put("mp4", MediaError("talk.mp4: the decoder crashed."))
    found = write_outputs(second(video), folder, ["json"], video=video)
    assert "kept as timeline.old.mp4. To try again: --formats mp4." in found.problems[0]
    assert there(folder) == {"timeline.json", "timeline.old.mp4"}
    for _ in range(2):
        assert write_outputs(second(video), folder, ["json"], video=video).problems == ()
    assert tries == [2]
    write_outputs(second(video), folder, ["mp4"], video=video)
    assert tries == [2, 2]


def test_a_file_that_is_as_it_should_be_stays_where_it_cannot_be_made_anew(video, folder, put):
    put("mp4", None)
    write_outputs(first(video), folder, ["mp4"], video=video)
    put("mp4", MediaError("talk.mp4: the decoder crashed."))
    found = write_outputs(first(video), folder, ["mp4"], video=video)
    assert found.problems and names(found.files) == ["json"]
    assert (folder / "timeline.mp4").read_text() == "5"


@pytest.mark.parametrize("name", ["eaf", "mp4"])
def test_a_format_that_is_new_and_broken_off_is_made_by_the_next_run(video, folder, put, name):
    put(name, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        write_outputs(first(video), folder, ["srt", name], video=video)
    put(name, None)
    found = write_outputs(first(video), folder, ["json"], video=video)
    assert name in names(found.files) and ".unfinished" not in there(folder)
    assert names(write_outputs(first(video), folder, ["json"], video=video).files) == ["json"]


@pytest.mark.parametrize("name", ["csv", "html", "mp4"])
def test_a_full_disk_costs_one_format_and_the_others_are_reported(video, folder, put, name):
    put("mp4", None)
    wanted = ["vtt", "csv", "html", "mp4"]
    write_outputs(first(video), folder, wanted, video=video)
    put(name, FULL)
    found = write_outputs(second(video), folder, wanted, video=video)
    others = [each for each in wanted if each != name]
    assert names(found.files) == ["json", *others]
    (problem,) = found.problems
    assert f"timeline.{name}: cannot be written (No space left on device)." in problem
    assert f"kept as timeline.old.{name}. The next run writes it." in problem
    assert (folder / f"timeline.{name}").exists() is False
    put(name, None)
    found = write_outputs(second(video), folder, ["json"], video=video)
    assert names(found.files) == ["json", name] and found.problems == ()


def test_a_refusal_leaves_nothing_to_be_done(video, folder):
    folder.mkdir()
    (folder / "timeline.mp4").write_bytes(b"the video itself")
    inside = folder / "timeline.mp4"
    with pytest.raises(UsageError, match="over the video itself"):
        write_outputs(first(inside), folder, ["mp4"], video=inside)
    assert there(folder) == {"timeline.mp4"}


def test_a_video_that_is_called_as_an_output_is_never_set_aside(folder):
    folder.mkdir()
    inside = folder / "timeline.mp4"
    inside.write_bytes(b"the video itself")
    for found in (first(inside), second(inside)):
        written = write_outputs(found, folder, ["srt"], video=inside)
        assert names(written.files) == ["json", "srt"] and written.problems == ()
    assert inside.read_bytes() == b"the video itself"


def test_of_a_file_that_has_no_picture_any_more_the_annotated_video_is_set_aside(
    video, folder, put
):
    put("mp4", None)
    write_outputs(first(video), folder, ["mp4"], video=video)
    sound = conversation(path=str(video), size=None, tracks=())
    found = write_outputs(sound, folder, ["srt"], video=video)
    assert found.remarks == (
        "timeline.mp4 was of an earlier timeline, and is kept as timeline.old.mp4.",
    )
    assert names(found.files) == ["json", "srt"] and "timeline.mp4" not in there(folder)


def test_a_page_keeps_the_video_that_it_holds_where_the_file_is_gone(video, folder):
    write_outputs(first(video), folder, ["html"], video=video, embed=True)
    video.unlink()
    found = write_outputs(second(video), folder, (), video=None)
    text = (folder / "timeline.html").read_text("utf-8")
    assert found.problems == () and names(found.files) == ["json", "html"]
    assert 'id="embedded">YSB2aWRlbw==</script>' in text
