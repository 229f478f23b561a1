import csv
import json

from mraf.pipeline.demo import clips, run
from mraf.pipeline.workspace import Workspace


def test_commands_come_in_order_and_a_failure_ends_them(tmp_path):
    lines: list[str] = []
    ran: list[list[str]] = []

    def command(arguments):
        ran.append(arguments)
        return 3 if arguments[0] == "train" else 0

    code, _ = run(tmp_path, speakers=12, command=command, announce=lines.append)
    assert code == 3 and [each[0] for each in ran] == ["sample", "extract", "train"]
    assert lines[0] == f"mraf sample {tmp_path / 'videos'} --speakers 12"


def test_as_json_nothing_else_is_printed(tmp_path, capsys):
    def command(arguments):
        assert arguments[-1] == "--json"
        print(json.dumps({"did": arguments[0]}))
        return int(arguments[0] == "extract")

    code, steps = run(tmp_path, speakers=12, command=command)
    assert code == 1
    assert [step["result"] for step in steps] == [{"did": "sample"}, {"did": "extract"}]
    assert capsys.readouterr().out == ""


def test_clips_to_identify_did_not_train(trained, sample_videos):
    from mraf.checkpoint import describe, load_trained

    names = load_trained(describe(Workspace.at(trained).model())).recordings
    table = csv.DictReader((sample_videos / "sample.csv").open(encoding="utf-8"))
    rows = {row["path"]: row for row in table}
    chosen = [
        rows[clip.removeprefix(f"{sample_videos}/")] for clip in clips(sample_videos, trained)
    ]
    assert all((r["speaker"], r["language"], r["recording"]) not in names for r in chosen)
    assert any(r["language"] == "Urdu" for r in chosen)
