import json

from mraf.pipeline.commands.people.find import show_found
from mraf.pipeline.people.archive.find import FindReport, Match
from tests.helpers.unnamed import unnamed


def test_a_person_is_found(mraf, tmp_path):
    folder = unnamed(tmp_path / "w", named=("s1",))
    code, out, _ = mraf("find", "s1", "-w", folder)
    assert code == 0 and "s1: 6 clips of 24" in out and "06.mp4" in out
    code, out, _ = mraf("find", "s1", "--top", "2", "-w", folder, "--json")
    found = json.loads(out)
    assert (found["sought"], found["by"], found["clips"]) == ("s1", "speaker", 24)
    assert len(found["matches"]) == 2 and set(found["matches"][0]) == {
        "clip", "path", "start", "end", "speaker", "score", "face", "voice", "turn",
    }  # fmt: skip
    code, out, _ = mraf("find", "s1", "--unnamed", "-w", folder)
    assert code == 0 and out == (
        "s1 appears in none of 18 clips, as far as faces and voices tell\n"
    )


def test_nobody_is_called_that(mraf, tmp_path):
    code, _, err = mraf("find", "s9", "-w", unnamed(tmp_path / "w", named=("s1",)))
    assert code == 2 and "'s9' is no speaker, no clip of the table and no file" in err
    assert mraf("find", "s9", "-w", tmp_path / "none")[0] == 3


def test_parts_and_missing_modalities_are_shown(printed):
    match = Match(
        clip="c", path="c.mp4", start=1.5, end=None, speaker=None, score=0.987, face=None, voice=0.9
    )
    report = FindReport(sought="Ann", by="speaker", matches=(match,), clips=9, notes=("n",))
    out = printed(show_found, report)
    assert "Ann: 1 clip of 9" in out and "c.mp4 (1.5 s to end)" in out and "99%" in out
    assert "note n" in out


def test_neighbouring_turns_of_a_file_are_one_line(printed):
    turn = {"clip": "c", "path": "c.mp4", "speaker": "Ann", "turn": True}
    matches = (
        Match(**turn, start=3661.0, end=3675.0, score=0.9, face=None, voice=0.9),
        Match(**turn, start=10.0, end=20.0, score=0.8, face=0.7, voice=0.6),
        Match(**turn, start=3640.0, end=3655.0, score=0.7, face=0.95, voice=None),
    )
    report = FindReport(sought="Ann", by="speaker", matches=matches, clips=9, notes=())
    out = printed(show_found, report)
    assert "Ann: 3 turns of 9" in out
    first, second = (line.split() for line in out.splitlines() if "c.mp4" in line)
    assert first[-7:] == ["Ann", "c.mp4", "1:00:40", "to", "1:01:15", "(2", "turns)"]
    assert first[:3] == ["90%", "95%", "90%"]
    assert second[-4:] == ["c.mp4", "0:10", "to", "0:20"]
