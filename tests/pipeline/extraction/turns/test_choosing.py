"""Which files are cut, and whether the weights for that are at hand."""

from dataclasses import replace

import pytest

from mraf.errors import MissingError
from mraf.extractors import weights
from mraf.pipeline.extraction.turns.choosing import choose_turns
from tests.mraf.test_fingerprint import MADE


@pytest.fixture
def at_hand(monkeypatch, tmp_path):
    """Sets which weights are on this machine."""

    def put(*names):
        def get(file, **options):
            if file.name in names:
                return tmp_path / file.filename
            raise MissingError(f"no {file.name}")

        monkeypatch.setattr(weights, "get", get)

    return put


def test_no_file_is_cut_where_none_is_to_be(at_hand):
    at_hand("segmentation")
    assert choose_turns(False) is None


def test_without_weights_nothing_is_cut_unless_that_is_asked_for(at_hand):
    at_hand()
    assert choose_turns(None).set_up is None
    with pytest.raises(MissingError, match="segmentation"):
        choose_turns(True)


def test_turns_say_whether_lips_were_looked_at(at_hand, tmp_path):
    at_hand("segmentation")
    blind = choose_turns(None, workspace=tmp_path)
    at_hand("segmentation", "lr_asd")
    seeing = choose_turns(True, workspace=tmp_path)
    assert (blind.always, seeing.always) == (False, True)
    assert set(seeing.networks) == set(seeing.sums) == {"segmentation", "lr_asd"}
    one, other = blind.fingerprint(MADE), seeing.fingerprint(MADE)
    assert one != other and one.of_any_track == other.of_any_track == MADE
    assert replace(one, turns=None).to_json() == MADE.to_json()
