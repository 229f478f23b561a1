import numpy as np

from mraf.data.table.features import FeatureRow
from mraf.pipeline.quality import figures, spread
from tests.helpers.feature_rows import extracted_row, row


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
    found = figures(table(extracted_row("a", 100, 10.0, 3), extracted_row("b", 120, None), lost))
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
    rows = (extracted_row("a", 100, float("nan")), extracted_row("b", 120, 20.0))
    assert figures(table(*rows)).spreads["voice_snr"].clips == 1


def test_an_imported_table_has_no_figures(table):
    found = figures(table(row("a"), row("b")))
    assert found.as_dict() == {"figures": {}, "several_people": None}
