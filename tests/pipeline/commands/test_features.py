import io
import json
import shutil

import pytest

from mraf.data.table.features import FeatureTable
from mraf.pipeline.commands.features import BARS, bars, show_info
from mraf.pipeline.quality import figures
from tests.helpers.feature_rows import extracted_row, row


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
