from types import SimpleNamespace

import pytest

from mraf.extractors.second_looks import SEARCHED
from mraf.pipeline.extraction import run

LATER = f"{SEARCHED} a voice: it is from 4:00 to 6:00 (min:s)"


@pytest.mark.parametrize(
    ("note", "said"),
    [
        (None, "only the first 2 min of 9 min were read"),
        ("x", "only the first 2 min of 9 min were read; x"),
        (LATER, f"the first 2 min of 9 min were read; {LATER}"),
    ],
)
def test_later_minutes_that_were_read_as_well_are_not_denied(note, said):
    assert run._note(SimpleNamespace(seconds=540.0, seconds_read=120.0, note=note)) == said
