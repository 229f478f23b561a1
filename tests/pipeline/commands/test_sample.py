import csv
import json
from pathlib import Path


def test_videos_and_a_list_of_them_are_made(mraf):
    code, out, _ = mraf("sample", "videos", "--speakers", 2, "--json")
    assert code == 0 and json.loads(out) == {"folder": "videos", "clips": 30, "speakers": 2}
    with Path("videos", "sample.csv").open(encoding="utf-8", newline="") as file:
        assert all(Path("videos", row["path"]).is_file() for row in csv.DictReader(file))


def test_the_demo_runs_commands_through_the_command_line(mraf, monkeypatch):
    monkeypatch.setattr(
        "mraf.pipeline.demo.Demo.commands",
        lambda self: iter([["--version"], ["evaluate", "-w", "nothing"]]),
    )
    code, out, err = mraf("demo")
    assert code == 3 and "no model here yet" in err
    assert [line for line in out.splitlines() if line.startswith("$")] == [
        "$ mraf --version",
        "$ mraf evaluate -w nothing",
    ]
