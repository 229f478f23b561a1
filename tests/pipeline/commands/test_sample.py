import json
from pathlib import Path

import pytest

from mraf.data.sample.make import DemoClip


def clip(number: int, **kinds: str) -> DemoClip:
    labels = {"speaker": f"person{number:02}", "language": "Urdu", "recording": "rec1", "text": ""}
    return DemoClip(path=f"{number}.mp4", **labels, **({"face": "seen", "sound": "speech"} | kinds))


@pytest.fixture
def calls(monkeypatch) -> list:
    """Calls of `make_sample`, which draws nothing here."""
    calls = []

    def make_sample(folder, options, progress):
        calls.append((folder, options.speakers, options.seed))
        progress(1, 1)
        return [clip(1), clip(1, face="dark"), clip(2, sound="none")]

    monkeypatch.setattr("mraf.data.sample.make.make_sample", make_sample)
    return calls


def test_the_videos_are_counted(mraf, calls):
    code, out, _ = mraf("sample", "videos", "--speakers", 2, "--seed", 5, "--json")
    assert code == 0 and json.loads(out) == {"folder": "videos", "clips": 3, "speakers": 2}
    code, out, _ = mraf("sample", "videos", "--speakers", 2)
    assert code == 0 and out == (
        "3 clips of 2 people who do not exist in videos (1 without a face to be found, "
        "1 without sound), 0 s\n"
    )
    assert calls == [(Path("videos"), 2, 5), (Path("videos"), 2, 0)]


def test_the_demo_runs_commands_through_the_command_line(mraf, monkeypatch):
    monkeypatch.setattr(
        "mraf.pipeline.demo.commands",
        lambda *_: iter([["--version"], ["evaluate", "-w", "nothing"]]),
    )
    code, out, err = mraf("demo")
    assert code == 3 and "no model here yet" in err
    assert [line for line in out.splitlines() if line.startswith("$")] == [
        "$ mraf --version",
        "$ mraf evaluate -w nothing",
    ]
