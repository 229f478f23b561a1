"""Corrections on disk."""

import json

import pytest

from mraf.errors import MrafError
from mraf.pipeline.timeline.corrections.edits import rename_of, split_of
from mraf.pipeline.timeline.corrections.stored import (
    Corrections,
    read_corrections,
    write_corrections,
)
from tests.helpers.conversations import conversation


def test_corrections_are_read_as_they_were_written(tmp_path):
    talk = conversation()
    edits = (rename_of("unknown 1=محمد", talk), split_of("Ann@30-50=unknown", talk))
    kept = Corrections(edits=edits, content="ab" * 16, content_bytes=7)
    write_corrections(tmp_path, kept)
    assert read_corrections(tmp_path) == kept
    write_corrections(tmp_path, Corrections())
    assert read_corrections(tmp_path) == Corrections() and not list(tmp_path.iterdir())


def test_corrections_of_before_content_was_kept_are_read(tmp_path):
    edits = (rename_of("unknown 1=Bob", conversation()),)
    write_corrections(tmp_path, Corrections(edits=edits))
    file = tmp_path / "corrections.json"
    stored = json.loads(file.read_text("utf-8"))
    del stored["content"], stored["content_bytes"]
    file.write_text(json.dumps(stored), "utf-8")
    assert read_corrections(tmp_path) == Corrections(edits=edits)


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 9}', '{"version": 1, "corrections": [{}]}']
)
def test_damaged_corrections_are_not_overlooked(tmp_path, text):
    """Else the next run would write over what somebody has corrected."""
    (tmp_path / "corrections.json").write_text(text)
    with pytest.raises(MrafError, match="cannot be read.*Mend the file"):
        read_corrections(tmp_path)
