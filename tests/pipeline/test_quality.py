import io
import json

import numpy as np
import pytest
from rich.console import Console

from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.pipeline.commands import console_features
from mraf.pipeline.quality import figures, spread


def row(clip: str, **figures) -> FeatureRow:
    vector = np.ones(3, np.float32)
    return FeatureRow(clip, clip, "h", "x", face=vector, voice=vector, **figures)


def extracted(clip: str, size: float, snr: float | None, people: int = 1) -> FeatureRow:
    face = {"face_quality": 0.99, "face_frames": 8, "face_size": size, "faces_seen": people}
    return row(clip, **face, voice_quality=0.9, voice_seconds=3.0, voice_snr=snr)


@pytest.fixture
def table(tmp_path):
    def fill(*rows: FeatureRow) -> FeatureTable:
        table = FeatureTable(tmp_path / "features")
        with table.writer() as writer:
            for each in rows:
                writer.add(each)
        return table

    return fill


def test_spread_has_percentiles_and_a_histogram_of_all():
    found = spread(np.linspace(0, 100, 101) + 0.25)
    assert (found.clips, found.median, found.p5, found.p95) == (101, 50.25, 5.25, 95.25)
    assert sum(found.counts) == 101 and len(found.edges) == len(found.counts) + 1
    assert (found.edges[0], found.edges[-1]) == (0.25, 100.25)


def test_whole_numbers_and_a_single_value_have_bins_of_their_own():
    assert spread(np.array([6.0, 8, 8])).counts == (1, 0, 2)
    assert spread(np.array([6.0, 8, 8])).edges == (5.5, 6.5, 7.5, 8.5)


def test_bins_of_a_narrow_spread_have_edges_of_their_own():
    values = np.linspace(0.99991, 0.99999, 50, dtype=np.float32).astype(float)
    found = spread(values)
    assert len(set(found.edges)) == 17 and (np.diff(found.edges) > 0).all()
    assert (found.edges[0], found.edges[-1]) == (values[0], values[-1])
    assert np.histogram(values, found.edges)[0].tolist() == list(found.counts)
    assert spread(np.array([0.25])).counts.count(1) == 1


def test_figures_are_of_faces_and_voices_that_were_found(table):
    lost = FeatureRow(
        "lost", "lost", "h", "x", face_reason="face_too_small", face_quality=0.9, face_size=10.0,
        face_frames=2, faces_seen=2, voice_reason="no_speech", voice_quality=0.1,
    )  # fmt: skip
    found = figures(table(extracted("a", 100, 10.0, 3), extracted("b", 120, None), lost))
    assert found.spreads["face_size"].median == 110
    assert {name: s.clips for name, s in found.spreads.items()} == {
        "face_frames": 2,
        "face_size": 2,
        "face_quality": 2,
        "voice_seconds": 2,
        "voice_quality": 2,
        "voice_snr": 1,
    }
    assert found.several_people == 2


def test_a_figure_that_is_no_number_is_left_out(table):
    rows = (extracted("a", 100, float("nan")), extracted("b", 120, 20.0))
    assert figures(table(*rows)).spreads["voice_snr"].clips == 1


def test_an_imported_table_has_no_figures(table):
    found = figures(table(row("a"), row("b")))
    assert found.as_dict() == {"figures": {}, "several_people": None}


def shown(table: FeatureTable, monkeypatch, encoding: str) -> list[str]:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding)
    console = Console(file=file, highlight=False, soft_wrap=True)
    monkeypatch.setattr(console_features, "out", console)
    console_features.features_info(table)
    file.flush()
    return raw.getvalue().decode(encoding).splitlines()


def test_histograms_are_shown_in_what_the_terminal_can_print(table, monkeypatch):
    filled = table(*(extracted(f"{k}", 100 + 10.5 * (k % 3), 10.0 + k) for k in range(21)))
    lines = shown(filled, monkeypatch, "utf-8")
    size = next(line for line in lines if "pixels" in line)
    assert size.split()[3:7] == ["21", "110", "100", "121"] and size.endswith("█")
    plain = shown(filled, monkeypatch, "ascii")
    assert next(line for line in plain if "pixels" in line).endswith("@")
    assert len(lines) == len(plain) and any("several people" in line for line in lines)


def test_an_imported_table_is_shown_without_figures(table, monkeypatch):
    lines = shown(table(row("a")), monkeypatch, "utf-8")
    assert not any("median" in line or "several" in line for line in lines)


def test_bars_are_blank_only_where_nothing_is():
    assert console_features.bars((0, 1, 100, 50), console_features.BARS) == " ▁█▄"


def test_json_carries_the_same_figures(mraf, extracted_figures):
    code, out, _ = mraf("features", "info", "-w", extracted_figures, "--json")
    info = json.loads(out)
    assert code == 0 and info["clips"] == 2 and info["several_people"] == 1
    assert info["figures"]["face_size"] == {
        "clips": 2, "median": 101.0, "p5": pytest.approx(100.1), "p95": pytest.approx(101.9),
        "counts": [1, 0, 1], "edges": [99.5, 100.5, 101.5, 102.5],
    }  # fmt: skip


@pytest.fixture
def extracted_figures(table):
    return table(extracted("a", 100, 10.0, 2), extracted("b", 102, 20.0)).folder.parent
