import numpy as np
import pytest

from mraf.data.table.parts import Part
from mraf.errors import MrafError
from tests.data.table.test_snapshot import two_languages


@pytest.fixture
def table(tmp_path, monkeypatch):
    return two_languages(tmp_path, monkeypatch, face=None)


@pytest.fixture
def read(monkeypatch):
    """Numbers of rows of the row groups whose vectors were read."""
    read = []
    batches = Part.batches

    def noting(self, columns, groups):
        groups = list(groups)
        if {"face", "voice"} & set(columns):
            read.extend(self.groups[group] for group in groups)
        return batches(self, columns, groups)

    monkeypatch.setattr(Part, "batches", noting)
    return read


def test_labels_are_read_without_vectors(table, read):
    labels = table.labels()
    assert len(labels) == 41 and labels.language[:2] == ["English", "Urdu"]
    assert labels.face_present.tolist() == [True] * 40 + [False]
    assert labels.voice_present.all() and not read


def test_vectors_of_other_languages_are_not_read(table, read):
    labels = table.labels()
    english = np.array([name == "English" for name in labels.language])
    assert labels.vectors("face", english)[:, 0].tolist() == list(range(1, 41, 2))
    assert sum(read) == 20
    assert labels.vectors("voice", ~english)[:, 0].tolist() == [*range(2, 41, 2), 41]


@pytest.mark.parametrize("rows", [[40, 3, 3, 0], [0, 1, 2], [], [5, 4]])
def test_vectors_come_in_the_order_of_the_index(table, rows):
    index = np.array(rows, np.int64)
    stored, whole = table.labels(), table.arrays()
    for name in ("face", "voice"):
        found = stored.vectors(name, index)
        assert np.array_equal(found, whole.vectors(name, index)[:, : found.shape[1]])
    assert [vector[0] for vector in stored.vectors("voice", index)] == [i + 1 for i in rows]


def test_rows_with_both_a_vector_and_a_reason_are_refused(table):
    labels = table.labels()
    labels.face_present[3] = False
    with pytest.raises(MrafError, match=r"features: some rows have neither a face nor a reason"):
        labels.vectors("face", np.arange(5))
    assert labels.vectors("face", np.array([4])).shape == (1, 4)
