"""The page in a browser, where the machine has one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mraf.pipeline.timeline.outputs.page.page import write_page
from mraf.pipeline.timeline.timeline import Person, Timeline, Track, Turn
from tests.helpers.html_page import Elements
from tests.helpers.media_files import corners, tone, write_media
from tests.helpers.timelines import ANN, STRANGER, URDU, named, talk

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


def shown(timeline: Timeline, folder: Path, **more) -> Elements:
    """Write the page, and return its elements after its scripts have run in a browser."""
    write_page(timeline, folder / "timeline.html", **more)
    command = [
        *(str(BROWSER), "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"),
        *(f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=3000"),
        (folder / "timeline.html").as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return Elements(done.stdout)


def test_people_turns_and_notes_are_there(tmp_path):
    page = shown(talk(), tmp_path)
    assert page.texts["about"] == "8.0 s · 3 people · 3 turns"
    turns = [a for tag, a in page.found if tag == "button" and "data-turn" in a]
    assert len(turns) == 3
    labels = [a["aria-label"] for tag, a in page.found if "aria-pressed" in a]
    assert labels == [f"Only the turns of {name}" for name in (ANN, URDU, STRANGER)]
    assert {"class": "name unknown", "dir": "auto"} in [a for _, a in page.found]
    assert "hidden" not in next(a for _, a in page.found if a.get("id") == "notes")


@pytest.mark.parametrize("embed", [False, True])
def test_a_video_plays(tmp_path, embed):
    frames = corners(96, 160)[None].repeat(50, 0)
    video = write_media(tmp_path / "a #1 ?.mp4", frames, tone(2.0))
    page = shown(talk(path=str(video)), tmp_path, video=video, embed=embed)
    (player,) = [a for tag, a in page.found if tag == "video"]
    assert player["src"].startswith("blob:" if embed else "a%20%231%20%3F.mp4")
    assert "hidden" in next(a for _, a in page.found if a.get("id") == "trouble")


def test_what_cannot_be_played_is_told(tmp_path):
    (tmp_path / "a.avi").write_bytes(b"no film")
    page = shown(talk(path=str(tmp_path / "a.avi")), tmp_path)
    assert "a.avi cannot be played here" in page.texts["trouble"]
    assert len([a for _, a in page.found if "data-turn" in a]) == 3  # the rest works


def test_names_run_no_script(tmp_path):
    names = ["</script><script>document.title='caught'</script>", "<img src=x onerror=alert(1)>"]
    page = shown(named(*names), tmp_path)
    assert page.texts["title"].strip() == "Timeline"
    assert "img" not in [tag for tag, _ in page.found]


def crowd(speaking: int, passing: int) -> Timeline:
    """People who speak a second each, and others who are seen for a second."""
    names = [f"unknown {number + 1}" for number in range(speaking + passing)]
    box = (0.1, 0.1, 0.2, 0.2)
    return Timeline(
        path="",
        duration=float(len(names)),
        people=tuple(Person(name=name, unknown=True) for name in names),
        turns=tuple(
            Turn(start=float(at), end=at + 1.0, speaker=name)
            for at, name in enumerate(names[:speaking])
        ),
        tracks=tuple(
            Track(speaker=name, times=(float(at), at + 1.0), boxes=(box, box))
            for at, name in enumerate(names)
        ),
    )


def labels_of(page: Elements) -> list[dict]:
    return [
        a for tag, a in page.found if tag == "button" and "is seen" in a.get("aria-label", "")
    ] + [a for tag, a in page.found if "aria-pressed" in a]


def test_of_hundreds_of_people_those_in_view_are_drawn(tmp_path):
    page = shown(crowd(200, 600), tmp_path)
    assert 5 < len(labels_of(page)) < 60
    (canvas,) = [a for _, a in page.found if a.get("id") == "canvas"]
    assert int(canvas["height"]) < 3000  # a canvas of all lanes would be blank
    (names,) = [a for _, a in page.found if a.get("id") == "names"]
    assert "height: 9200px" in names["style"]  # 200 lanes: the others are folded
    assert page.texts["fold"] == "+ 600 only seen"
    assert page.texts["about"] == "13 min · 800 people, 200 of whom speak · 200 turns"


def test_of_few_people_all_have_a_lane(tmp_path):
    page = shown(crowd(2, 3), tmp_path)
    assert len(labels_of(page)) == 5
    assert "hidden" in next(a for _, a in page.found if a.get("id") == "fold")


def test_nobody(tmp_path):
    page = shown(Timeline(path="", duration=None, error="There is no sound."), tmp_path)
    assert page.texts["error"] == "There is no sound."
    assert page.texts["li"] == "No turns."
