"""The page in a browser, where the machine has one."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mraf.pipeline.timeline.outputs.page.page import write_page
from mraf.pipeline.timeline.timeline import Timeline
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


def test_nobody(tmp_path):
    page = shown(Timeline(path="", duration=None, error="There is no sound."), tmp_path)
    assert page.texts["error"] == "There is no sound."
    assert page.texts["li"] == "No turns."
