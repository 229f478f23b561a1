"""Whose name a file has, by who is in the others: see `test_by_turns.py` for whole runs."""

from collections import defaultdict

import pytest

from mraf import Workspace
from mraf.data.clips.folders import find_clips
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.extraction.turns import agreement
from mraf.pipeline.extraction.turns.agreement import agreed
from mraf.recognition.clusters import Looks
from mraf.recognition.pairs import Pairs
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.turns import made_turns
from tests.pipeline.extraction.turns.made_turns import CUT, write

TALKS = 7


@pytest.fixture
def table(tmp_path, monkeypatch):
    """The rows of talks of a host, who in each says less than a guest."""
    for talk in range(TALKS):
        write(
            tmp_path / f"videos/ann/{talk}.mp4",
            (0, 20 + talk, f"guest{talk}"),
            (30, 45, "ann"),
            (50, 55, f"other{talk}"),
        )
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", made_turns.setup_worker)
    monkeypatch.setattr("mraf.pipeline.extraction.run.agreed", lambda *_: {})
    extract_clips(
        find_clips([tmp_path / "videos"]),
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        worker_count=0,
        turns=CUT,
    )
    return Workspace(tmp_path / "w").table


@pytest.mark.parametrize("most", [256, 3])
def test_the_name_is_that_of_who_is_in_all_files_however_few_are_compared(table, monkeypatch, most):
    sizes = []
    odds = Looks.odds

    def counted(own, others, pairs):
        sizes.append((len(own), len(others)))
        return odds(own, others, pairs)

    monkeypatch.setattr(agreement, "MOST", most)
    monkeypatch.setattr(Looks, "odds", counted)
    rows = defaultdict(list)
    for row in table.rows():
        rows[row.turn_of and row.clip.rpartition("#")[0]].append(row)
    named = {file: "ann" for file in rows if file}
    found = agreed(table, named, Pairs.of("dlib", "campplus"))
    assert len(found) == TALKS
    for turns in found.values():
        assert [row.start for row in turns if row.speaker == "ann"] == [30]
    # Each file's people are compared with those of so many files, not with everybody.
    assert sizes == [(3, 3 * min(TALKS, most))] * TALKS
