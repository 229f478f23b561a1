import json
import sys

import pytest

from mraf.pipeline.commands.people import enrol as commands
from tests.helpers.described_clips import clip
from tests.pipeline.people.enrolment.conftest import extractor, workspace  # noqa: F401
from tests.pipeline.people.enrolment.test_enrol import clips_of, rows_of


@pytest.fixture(autouse=True)
def _encoders(monkeypatch):
    """Encoders are there without a look for their weights."""
    from tests.helpers.described_clips import PAIR

    monkeypatch.setattr("mraf.pipeline.people.enrol.choose", lambda **_: PAIR)
    monkeypatch.setattr("mraf.pipeline.people.enrol.choose_encoders", lambda *_, **__: PAIR)
    monkeypatch.setattr("mraf.pipeline.people.enrol.encoders_of", lambda *_, **__: PAIR)


def test_enrol_and_forget_as_json(mraf, workspace, tmp_path):  # noqa: F811
    code, out, _ = mraf("enrol", "Fay", *clips_of(tmp_path, "fay"), "-w", workspace, "--json")
    found = json.loads(out)
    assert code == 0
    assert found.keys() >= {"name", "clips", "face", "voice", "references", "refused"}
    assert (found["name"], found["clips"], found["references"], found["refused"]) == (
        "Fay",
        2,
        2,
        [],
    )
    code, out, _ = mraf("forget", "Fay", "-w", workspace, "--json")
    assert code == 2 and "say --yes" in json.loads(out)["error"]
    code, out, _ = mraf("forget", "Fay", "-w", workspace, "--json", "--yes")
    assert code == 0 and json.loads(out)["clips"] == 2
    assert rows_of(workspace, speaker="Fay") == []


def test_what_a_person_reads(mraf, workspace, tmp_path):  # noqa: F811
    clips_of(tmp_path, "fay")
    (tmp_path / "new" / "broken.mp4").write_text("no JSON")
    code, out, _ = mraf("enrol", "Fay", tmp_path / "new", "-w", workspace)
    assert code == 1
    assert "Fay enrolled: 2 clips, face in 2, voice in 2, 8.0 s of speech" in out
    assert "model prototypes knows Fay by 2 recordings" in out
    assert "broken.mp4: it is no video" in out
    code, out, _ = mraf("forget", "Fay", "--yes", "-w", workspace)
    assert code == 0 and "2 clips of Fay removed from the table" in out
    assert "model prototypes: forgotten" in out and "extract" not in out
    code, out, _ = mraf("forget", "ann", "--yes", "-w", workspace)
    assert "a later `mraf extract` of them brings the clips back" in out


def test_all_reasons_are_told_and_nothing_is_written(mraf, workspace, tmp_path):  # noqa: F811
    clips = [clip(tmp_path / "1.mp4", "fay", people=2), clip(tmp_path / "2.mp4", "fay", voices=2)]
    code, out, err = mraf("enrol", "Fay", *clips, "-w", workspace)
    assert code == 1 and "2 people are seen" in err and "several voices are heard" in err
    code, out, _ = mraf("enrol", "Fay", *clips, "-w", workspace, "--json")
    refused = json.loads(out)["refused"]
    assert code == 1 and [each["path"] for each in refused] == [str(path) for path in clips]
    assert all("give the part with the person alone" in each["reason"] for each in refused)
    assert mraf("enrol", "Fay", tmp_path / "none.mp4", "-w", workspace)[0] == 2
    assert mraf("enrol", "unknown", clips[0], "-w", workspace)[0] == 2


def test_a_question_at_a_terminal(mraf, workspace, tmp_path, monkeypatch):  # noqa: F811
    clips = clips_of(tmp_path, "ann")
    code, _, err = mraf("enrol", "Fay", *clips, "-w", workspace)
    assert code == 2 and "like 'ann', who is enrolled already" in err and "--yes" in err
    asked = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or True)
    assert commands.asked(True) is None
    assert mraf("enrol", "Fay", *clips, "-w", workspace)[0] == 0
    assert asked[0].endswith("who is enrolled already. Enrol as 'Fay' all the same?")


def test_models_that_know_who_was_forgotten_are_told_by_the_exit_code(mraf, workspace):  # noqa: F811
    (workspace / "models" / "old").mkdir()
    (workspace / "models" / "old" / "config.json").write_text("damaged")
    code, out, _ = mraf("forget", "ann", "--yes", "-w", workspace)
    assert code == 1 and "model prototypes: forgotten" in out
    assert "model old: left as it is, it cannot be read, and may know the person" in out
    assert "Not forgotten everywhere: old" in out
    assert mraf("forget", "ben", "--yes", "-w", workspace, "--json")[0] == 1
