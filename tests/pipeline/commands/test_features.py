import io
import json
import shutil

import pytest

from mraf.data.table.features import FeatureTable
from mraf.pipeline.commands.features import BARS, bars, show_info
from mraf.pipeline.quality import figures
from tests.helpers.feature_rows import extracted_row, row
from tests.helpers.workspaces import filled, on_disk, people


@pytest.fixture
def shown(console):
    """Return the lines of a summary in a terminal of some encoding."""

    def show(table: FeatureTable, encoding: str) -> list[str]:
        raw = io.BytesIO()
        file = io.TextIOWrapper(raw, encoding=encoding)
        console(file=file)
        show_info(table, figures(table))
        file.flush()
        return raw.getvalue().decode(encoding).splitlines()

    return show


def test_histograms_are_shown_in_what_the_terminal_can_print(table, shown):
    filled = table(*(extracted_row(f"{k}", 100 + 10.5 * (k % 3), 10.0 + k) for k in range(21)))
    lines = shown(filled, "utf-8")
    size = next(line for line in lines if "pixels" in line)
    assert size.split()[3:7] == ["21", "110", "100", "121"] and size.endswith("█")
    plain = shown(filled, "ascii")
    assert next(line for line in plain if "pixels" in line).endswith("@")
    assert len(lines) == len(plain) and any("several people" in line for line in lines)


def test_an_imported_table_is_shown_without_figures(table, shown):
    lines = shown(table(row("a")), "utf-8")
    assert not any("median" in line or "several" in line for line in lines)


def test_bars_are_blank_only_where_nothing_is():
    assert bars((0, 1, 100, 50), BARS) == " ▁█▄"


def test_json_carries_the_same_figures(mraf, table):
    filled = table(extracted_row("a", 100, 10.0, 2), extracted_row("b", 102, 20.0))
    code, out, _ = mraf("features", "info", "-w", filled.folder.parent, "--json")
    info = json.loads(out)
    assert code == 0 and info["clips"] == 2 and info["several_people"] == 1
    assert info["figures"]["face_size"] == {
        "clips": 2, "median": 101.0, "p5": pytest.approx(100.1), "p95": pytest.approx(101.9),
        "counts": [1, 0, 1], "edges": [99.5, 100.5, 101.5, 102.5],
    }  # fmt: skip


def test_a_speaker_is_removed(mraf, trained, tmp_path):
    workspace = shutil.copytree(trained, tmp_path / "copy")
    code, out, _ = mraf("features", "remove", "person01", "-w", workspace, "--json")
    assert code == 0 and json.loads(out) == {"speaker": "person01", "clips": 8}
    code, out, _ = mraf("features", "info", "-w", workspace, "--json")
    assert json.loads(out)["speakers"] == 3


def test_the_table_is_exported(mraf, trained, tmp_path):
    code, out, _ = mraf("features", "export", "all.csv", "-w", trained)
    assert code == 0 and out == "32 clips in all.csv\n"
    assert len((tmp_path / "all.csv").read_text("utf-8").splitlines()) == 33


@pytest.fixture
def workspace(tmp_path):
    """Four people with three recordings of two clips, whose files lie in `videos`."""
    filled(tmp_path / "w", people(languages=("English",)))
    on_disk(tmp_path / "w", tmp_path / "videos")
    return tmp_path / "w"


def test_clips_whose_files_are_gone_are_told_and_do_not_count(mraf, workspace, tmp_path):
    code, out, _ = mraf("features", "info", "-w", workspace)
    assert code == 0 and "24 clips, 4 speakers" in out and "note" not in out
    shutil.rmtree(tmp_path / "videos" / "s1")
    code, out, _ = mraf("features", "info", "-w", workspace)
    assert "18 clips, 3 speakers" in out
    assert "Left out: 6 clips whose files are gone (the first: s1/English/v0/06.mp4)." in out
    assert "`mraf features prune` removes their rows." in out
    code, out, _ = mraf("features", "info", "-w", workspace, "--json")
    info = json.loads(out)
    assert (info["clips"], info["speakers"]) == (18, 3) and len(info["gone"]) == 6
    assert info["unreachable"] == [] and info["gone"][0] == "s1/English/v0/06.mp4"


def test_prune_says_what_it_removes(mraf, workspace, tmp_path):
    code, out, _ = mraf("features", "prune", "-w", workspace)
    assert code == 0 and out == "No row removed: no file of 24 clips is known to be gone\n"
    shutil.rmtree(tmp_path / "videos" / "s1")
    code, out, _ = mraf("features", "prune", "-w", workspace)
    assert code == 0 and out.splitlines()[:2] == [
        "6 rows removed, 18 left:",
        "  s1/English/v0/06.mp4",
    ]
    (tmp_path / "videos").rename(tmp_path / "away")
    code, out, _ = mraf("features", "prune", "-w", workspace)
    assert code == 0 and f"18 clips out of reach in {tmp_path / 'videos'}; is a drive not" in out
    assert "say --force" in out
    code, out, _ = mraf("features", "prune", "-w", workspace, "--json")
    assert json.loads(out)["removed"] == [] and len(json.loads(out)["unreachable"]) == 18
    code, out, _ = mraf("features", "prune", "-w", workspace, "--force", "--json")
    assert code == 0 and len(json.loads(out)["removed"]) == 18


def test_clips_are_dropped(mraf, workspace):
    clip = "s1/English/v0/06.mp4"
    code, out, _ = mraf("features", "drop", clip, "-w", workspace, "--json")
    assert code == 0 and json.loads(out) == {"dropped": [clip], "clips": 23}
    code, out, err = mraf("features", "drop", clip, "s9", "-w", workspace)
    assert code == 2 and f"no clip '{clip}' (did you mean 's1/English/v0/07.mp4'" in err
    code, out, _ = mraf("features", "drop", "s1/English/v0/07.mp4", "-w", workspace)
    assert code == 0 and out.startswith("1 clip removed, 22 left; the files stay")


def test_a_speaker_is_renamed(mraf, workspace):
    code, out, _ = mraf("rename", "s1", "ann", "-w", workspace)
    assert code == 0 and out.startswith("6 clips of s1 are now of ann in the table\n")
    code, out, _ = mraf("rename", "ann", "s0", "-w", workspace, "--json", "--yes")
    assert code == 0 and json.loads(out) == {
        "old": "ann", "new": "s0", "clips": 6, "merged": True, "models": [], "untouched": {},
        "kept": True,
    }  # fmt: skip
    code, _, err = mraf("rename", "nobody", "x", "-w", workspace)
    assert code == 2 and "no speaker 'nobody'" in err
    code, _, err = mraf("rename", "s0", "", "-w", workspace)
    assert code == 2 and "it is empty" in err
