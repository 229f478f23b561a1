import base64
import hashlib
import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from mraf.errors import MediaError
from mraf.pipeline.timeline.outputs.page import page
from mraf.pipeline.timeline.outputs.page.page import write_page
from tests.helpers.html_page import Elements
from tests.helpers.timelines import ANN, named, talk


def written(timeline, folder: Path, **more) -> Elements:
    write_page(timeline, folder / "timeline.html", **more)
    return Elements((folder / "timeline.html").read_text("utf-8"))


def data_of(elements: Elements) -> dict:
    return json.loads(elements.texts["data"])


def test_the_page_holds_the_timeline(tmp_path):
    data = data_of(written(talk(path=str(tmp_path / "a.mp4")), tmp_path))
    assert data["speakers"][0]["name"] == ANN
    assert len(data["turns"]) == 3 and len(data["tracks"]) == 3
    assert data["media"] == {"name": "a.mp4", "url": "a.mp4", "type": "video/mp4"}


def test_nothing_comes_from_elsewhere(tmp_path):
    elements = written(talk(), tmp_path)
    text = (tmp_path / "timeline.html").read_text("utf-8")
    assert not [a for _, a in elements.found if "src" in a or "href" in a]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|https?://\w", text)
    policy = next(a["content"] for _, a in elements.found if "http-equiv" in a)
    rules = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["media-src"] == "'self' file: blob:" and "connect-src" not in rules
    assert "unsafe" not in policy and "http" not in policy


def test_the_policy_lets_the_own_script_run_and_no_other(tmp_path):
    written(named("</script><script>alert(1)</script>"), tmp_path)
    text = (tmp_path / "timeline.html").read_bytes()
    for kind in (b"script", b"style"):
        (inline,) = re.findall(rb"<%b>(.*?)</%b>" % (kind, kind), text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline).digest())
        assert b"%b-src 'sha256-%b';" % (kind, digest) in text


@pytest.mark.parametrize(
    "name",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "<img src=x onerror=alert(1)>",
        "@data@ @embedded@ @script@",
        "\u2028line",
        "عائشہ \"quoted\" & 'more'",
    ],
)
def test_names_are_text(tmp_path, name):
    elements = written(named(name), tmp_path)
    assert data_of(elements)["speakers"][0]["name"] == name
    assert [tag for tag, _ in elements.found].count("script") == 3
    assert "img" not in [tag for tag, _ in elements.found]


@pytest.mark.parametrize(
    "name", ["two words.mp4", "50% #1?.mp4", "گفتگو.mp4", "a:b.mp4", "<b>@embedded@.mp4", "x&y.mp4"]
)
def test_the_video_by_its_relative_path(tmp_path, name):
    (tmp_path / "out").mkdir()
    elements = written(talk(path=str(tmp_path / name)), tmp_path / "out")
    url = data_of(elements)["media"]["url"]
    assert unquote(url) == f"../{name}"
    assert not set(url) & set(" #?%<>") - {"%"}
    assert elements.texts["title"].strip() == name
    assert "embedded" not in elements.texts  # an empty element


def test_a_video_beside_the_page(tmp_path):
    url = data_of(written(talk(path=str(tmp_path / "a:b.mp4")), tmp_path))["media"]["url"]
    assert url == "a%3Ab.mp4"  # not a scheme `a:`


def test_a_video_far_away(tmp_path):
    url = data_of(written(talk(path="/elsewhere/a b.mp4"), tmp_path))["media"]["url"]
    assert url == "file:///elsewhere/a%20b.mp4"


def test_a_file_name_that_is_no_text(tmp_path):
    url = data_of(written(talk(path=f"{tmp_path}/caf\udce9.mp4"), tmp_path))["media"]["url"]
    assert url == "caf%E9.mp4"


def test_an_embedded_video_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_PIECE", 3 << 4)
    video = tmp_path / "a.mp4"
    video.write_bytes(bytes(range(256)) * 3 + b"end")
    elements = written(talk(path=str(video)), tmp_path, video=video, embed=True)
    assert base64.b64decode(elements.texts["embedded"]) == video.read_bytes()
    assert data_of(elements)["media"]["type"] == "video/mp4"


def test_a_page_that_is_written_anew_without_the_video_keeps_the_one_that_it_holds(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(page, "_PIECE", 3 << 4)
    video, file = tmp_path / "a.mp4", tmp_path / "timeline.html"
    video.write_bytes(bytes(range(256)) * 3 + b"end")
    assert not page.holds_video(file)
    written(talk(path=str(video)), tmp_path, video=video)
    assert not page.holds_video(file)
    written(talk(path=str(video)), tmp_path, video=video, embed=True)
    assert page.holds_video(file)
    whole = video.read_bytes()
    video.unlink()
    monkeypatch.setattr(page, "_BEGINNING", file.read_bytes().index(b'id="embedded">') + 40)
    elements = written(talk(path=str(video)), tmp_path, embed=True)
    assert base64.b64decode(elements.texts["embedded"]) == whole
    assert data_of(elements)["media"]["type"] == "video/mp4"


def test_a_large_video_is_not_embedded(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "LARGEST", 1_000_000)
    video = tmp_path / "a.mp4"
    video.write_bytes(b"0" * 2_000_000)
    with pytest.raises(MediaError, match=r"a\.mp4: has 2 MB, .* Leave out --embed"):
        write_page(talk(), tmp_path / "timeline.html", video=video, embed=True)
    assert not (tmp_path / "timeline.html").exists()


def test_no_video_to_embed(tmp_path):
    with pytest.raises(MediaError, match="no video at hand"):
        write_page(talk(), tmp_path / "timeline.html", embed=True)


def test_nobody_and_no_file(tmp_path):
    data = data_of(written(named(), tmp_path))
    assert data["turns"] == [] and data["media"] == {"name": "", "url": "", "type": ""}


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_base64", lambda video: (_ for _ in ()).throw(OSError("disk full")))
    video = tmp_path / "a.mp4"
    video.write_bytes(b"0")
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="disk full"):
        write_page(talk(), tmp_path / "out" / "timeline.html", video=video, embed=True)
    assert not list((tmp_path / "out").iterdir())
