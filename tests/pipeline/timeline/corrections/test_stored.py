"""Corrections on disk."""

import pytest

from mraf.errors import MrafError
from mraf.pipeline.timeline.corrections.edits import rename_of, split_of
from mraf.pipeline.timeline.corrections.stored import read_edits, write_edits
from tests.helpers.conversations import conversation


def test_corrections_are_read_as_they_were_written(tmp_path):
    talk = conversation()
    edits = [rename_of("unknown 1=محمد", talk), split_of("Ann@30-50=unknown", talk)]
    write_edits(tmp_path, edits)
    assert read_edits(tmp_path) == edits
    write_edits(tmp_path, [])
    assert read_edits(tmp_path) == [] and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 9}', '{"version": 1, "corrections": [{}]}']
)
def test_damaged_corrections_are_not_overlooked(tmp_path, text):
    """Else the next run would write over what somebody has corrected."""
    (tmp_path / "corrections.json").write_text(text)
    with pytest.raises(MrafError, match="cannot be read.*Mend the file"):
        read_edits(tmp_path)
