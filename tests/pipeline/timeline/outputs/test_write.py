import csv
import io
import json
import re
from pathlib import Path

import pytest
from pympi.Elan import Eaf

from mraf.errors import MediaError, UsageError
from mraf.pipeline.timeline.outputs import stored
from mraf.pipeline.timeline.outputs.write import FORMATS, read, write
from mraf.pipeline.timeline.timeline import Person, Timeline
from mraf.pipeline.timeline.written import write_outputs
from tests.helpers.html_page import Elements
from tests.helpers.media_files import tone, write_media
from tests.helpers.timelines import named, talk

TEXT = [name for name in FORMATS if name != "mp4"]


def test_every_format_has_its_file(tmp_path):
    files = write(talk(), tmp_path / "out", TEXT)
    assert [file.name for file in files] == [f"timeline.{name}" for name in TEXT]
    assert sorted(tmp_path.glob("out/*")) == sorted(files)  # and nothing else: no part of a file
    assert read(tmp_path / "out") == talk()


def test_the_source_of_all_is_always_there(tmp_path):
    write(talk(), tmp_path, ["rttm"])
    assert sorted(each.name for each in tmp_path.iterdir()) == ["timeline.json", "timeline.rttm"]


def test_writing_again_from_the_source_changes_nothing(tmp_path):
    names = [name for name in TEXT if name != "eaf"]  # which holds the date
    write(talk(), tmp_path, names)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    write(read(tmp_path), tmp_path, names)
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


NAMES = [
    "Ann Lee",
    "عائشہ خان",
    "<b>Bob</b> & <v x>",
    "\"quoted\" 'name'",
    "two\nlines",
    "tab\there",
    "=1+1",
    "--> 00:00:01",
    "@data@ </script>",
    "{\\an8}up",
    "unknown",
    "\u202eright to left",
    "e\u0301",
    "é",
    "SPEAKER",
    "x" * 200,
]


def test_every_format_has_everybody_whatever_the_name(tmp_path):
    """Read by others' readers of each format, or by its rules."""
    write(named(*NAMES), tmp_path, TEXT)
    texts = {name: (tmp_path / f"timeline.{name}").read_text("utf-8-sig") for name in TEXT}
    count = len(NAMES)
    assert [each["speaker"] for each in json.loads(texts["json"])["turns"]] == NAMES
    assert [person.name for person in read(tmp_path).people] == NAMES
    fields = [line.split(" ") for line in texts["rttm"].splitlines()]
    assert len(fields) == len({each[7] for each in fields}) == count
    assert {len(each) for each in fields} == {10}
    labels = [line.split("\t") for line in texts["txt"].splitlines()]
    assert len(labels) == count and {len(each) for each in labels} == {3}
    table = list(csv.DictReader(io.StringIO(texts["csv"], newline="")))
    assert [each["speaker"].removeprefix("'") for each in table] == NAMES
    assert texts["vtt"].count("-->") == texts["srt"].count("-->") == count
    assert len(re.findall(r"^<v [^<>\n]+>[^<>\n]+</v>$", texts["vtt"], re.MULTILINE)) == count
    assert len(re.findall(r"^\d+\n\S+ --> \S+\n[^<>{}\n]+$", texts["srt"], re.MULTILINE)) == count
    assert len(list(Eaf(str(tmp_path / "timeline.eaf")).get_tier_names())) == count
    page = Elements(texts["html"])
    assert [each["name"] for each in json.loads(page.texts["data"])["speakers"]] == NAMES
    assert {tag for tag, _ in page.found} & {"b", "v", "img"} == set()


@pytest.mark.parametrize(
    "nobody",
    [
        named(),  # sound without speech
        Timeline(path="", duration=5.0, size=(160, 96)),  # a picture without people
        Timeline(path="", duration=None, error="There is no sound."),
        Timeline(path="", duration=5.0, people=(Person(name="Ann", unknown=False),)),
    ],
)
def test_nobody_has_every_format(tmp_path, nobody):
    files = write(nobody, tmp_path, TEXT)
    assert [file.name for file in files] == [f"timeline.{name}" for name in TEXT]
    assert read(tmp_path) == nobody
    for name, text in (("rttm", ""), ("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n")):
        assert (tmp_path / f"timeline.{name}").read_text("utf-8") == text
    assert (tmp_path / "timeline.csv").read_text("utf-8-sig").count("\n") == 1
    Eaf(str(tmp_path / "timeline.eaf"))


def test_the_source_is_written_and_read_once_a_run(tmp_path, monkeypatch):
    """A timeline of hours has a million numbers: it took minutes to do that for each format."""
    calls = []
    for name in ("save", "load"):
        real = getattr(stored, name)
        monkeypatch.setattr(
            stored, name, lambda *a, real=real, name=name: (calls.append(name), real(*a))[1]
        )
    video = write_media(tmp_path / "a.m4a", wave=tone(0.2))
    write_outputs(talk(path=str(video), size=None), tmp_path / "out", TEXT, video=video)
    assert calls == ["save", "load"]


def test_an_unknown_format_is_told_before_anything_is_written(tmp_path):
    with pytest.raises(UsageError, match="no format 'rtm'.*Did you mean 'rttm'"):
        write(talk(), tmp_path / "out", ["json", "rtm"])
    assert not (tmp_path / "out").exists()


def test_the_video_is_never_written_over(tmp_path):
    video = write_media(tmp_path / "timeline.mp4", wave=tone(0.5))
    before = video.read_bytes()
    with pytest.raises(UsageError, match="over the video itself"):
        write(talk(path=str(video)), tmp_path, ["mp4"])
    assert video.read_bytes() == before


def test_sound_alone_has_all_formats_but_one(tmp_path):
    sound = write_media(tmp_path / "talk.m4a", wave=tone(0.5))
    with pytest.raises(MediaError, match=r"talk\.m4a: has no picture"):
        write(talk(path=str(sound), size=None), tmp_path / "out", ["mp4", "rttm", "html"])
    names = sorted(each.name for each in (tmp_path / "out").iterdir())
    assert names == ["timeline.html", "timeline.json", "timeline.rttm"]


def test_a_video_that_is_gone(tmp_path):
    gone = talk(path=str(tmp_path / "gone.mp4"))
    with pytest.raises(MediaError, match="not at hand"):
        write(gone, tmp_path / "out", ["html", "mp4"])
    assert (tmp_path / "out" / "timeline.html").exists()


def test_the_elan_document_knows_the_video(tmp_path):
    video = write_media(tmp_path / "a talk.m4a", wave=tone(0.2))
    write(talk(path=str(video)), tmp_path / "out", ["eaf"])
    assert 'RELATIVE_MEDIA_URL="../a talk.m4a"' in Path(
        tmp_path / "out" / "timeline.eaf"
    ).read_text("utf-8")


def test_every_format_says_what_it_is_for():
    assert all(each.about for each in FORMATS.values())


def test_a_name_that_cannot_be_written_as_text(tmp_path):
    write(talk(path="/videos/caf\udce9.mp4"), tmp_path, TEXT)
    assert "caf?" in (tmp_path / "timeline.rttm").read_text("utf-8")
