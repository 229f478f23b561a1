"""Current rows of a table, and reading only some of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mraf.data.table import snapshot
from mraf.data.table.features import FeatureTable
from mraf.data.table.parts import parts_in
from tests.data.table.test_features import fill, row

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3)
ROW = st.tuples(
    IDS,
    st.booleans(),
    st.booleans(),
    st.none() | IDS,
    st.sampled_from([None, "", "Urdu", "English"]),
    st.none() | IDS,
)


def shown(table):
    """Return the current rows of a table as plain values, without `replaces`."""
    return {
        r.clip: (
            r.speaker,
            r.language,
            None if r.face is None else r.face.tolist(),
            None if r.voice is None else r.voice.tolist(),
        )
        for r in table.rows()
    }


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(ROW, min_size=1, max_size=5), min_size=1, max_size=4))
def test_the_last_row_of_a_clip_counts_and_a_merge_changes_nothing(tmp_path_factory, parts):
    table = FeatureTable(tmp_path_factory.mktemp("any") / "features")
    expected, value = {}, 0
    for part in parts:
        rows = []
        for clip, face, voice, speaker, language, replaces in part:
            value += 1
            dims = (4 if face else None, 3 if voice else None)
            more = {"speaker": speaker, "language": language, "replaces": replaces}
            rows.append(row(clip, *dims, value, **more))
            # A row that replaces its own id is one like any other.
            expected.pop(replaces, None)
            face_of, voice_of = ([float(value)] * d if d else None for d in dims)
            expected[clip] = (speaker, language, face_of, voice_of)
        fill(table, *rows)
        expected_self = {c for c, *_, r in part if c == r}
        if expected_self:
            return
    assert shown(table) == expected
    arrays = table.arrays()
    assert arrays.clip == sorted(expected, key=lambda clip: clip.encode())
    for index, clip in enumerate(arrays.clip):
        face = expected[clip][2]
        assert arrays.face_present[index] == (face is not None)
        assert face is None or arrays.face[index].tolist() == face
        assert arrays.speaker[index] == expected[clip][0]
    table._merge()
    assert shown(table) == expected
    assert len(parts_in(table.folder)) == 1


def two_languages(tmp_path, monkeypatch, **last):
    """Fill a table with forty clips in two languages, in four merged parts, and one part more."""
    monkeypatch.setattr(snapshot, "ROWS_A_GROUP", 8)
    table = FeatureTable(tmp_path / "features")
    for start in range(0, 40, 10):
        numbers = range(start, start + 10)
        fill(
            table,
            *(row(f"{i:02}", language=("English", "Urdu")[i % 2], value=i + 1) for i in numbers),
        )
    table._merge()
    return fill(table, row("40", language="Urdu", value=41, **last))


@pytest.fixture
def table(tmp_path, monkeypatch):
    return two_languages(tmp_path, monkeypatch)


def test_some_rows_of_a_snapshot(table):
    whole = table.snapshot()
    some = whole.only(np.array([40, 3]))
    assert some.table(["clip"])["clip"].to_pylist() == ["40", "03"]
    matrix, present = some.matrix("face")
    assert matrix[:, 0].tolist() == [41, 4] and present.all()
    none = whole.only(np.zeros(41, bool))
    assert len(none) == 0 and none.table(["clip", "face"]).num_rows == 0
    assert none.matrix("face")[0].shape == (0, 0)


def test_a_snapshot_does_not_see_what_is_written_after_it(table):
    before = table.snapshot()
    fill(table, row("03", value=99), row("zz"))
    assert len(before) == 41
    assert before.only(np.array([3])).matrix("face")[0][0, 0] == 4


def test_removing_the_only_speaker_leaves_an_empty_table(tmp_path):
    table = fill(FeatureTable(tmp_path / "features"), row("a", speaker="Ann"))
    assert table.remove("Ann") == 1
    assert len(table) == 0 and table.arrays().clip == []
    assert len(fill(table, row("b"))) == 1
