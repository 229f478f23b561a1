import pytest
from pympi.Elan import Eaf

from mraf.pipeline.timeline.outputs.elan import elan
from mraf.pipeline.timeline.timeline import Person, Timeline, Turn
from tests.helpers.timelines import ANN, STRANGER, URDU, named, talk


def read(text: str, tmp_path) -> Eaf:
    (tmp_path / "a.eaf").write_text(text, "utf-8")
    return Eaf(str(tmp_path / "a.eaf"))


def test_a_tier_a_person(tmp_path):
    document = read(elan(talk(path="/videos/a b.mp4"), "../a b.mp4"), tmp_path)
    assert list(document.get_tier_names()) == [ANN, URDU, STRANGER]
    assert document.get_annotation_data_for_tier(URDU) == [(3000, 5500, URDU)]
    (media,) = document.media_descriptors
    assert media["RELATIVE_MEDIA_URL"] == "../a b.mp4"
    assert media["MEDIA_URL"] == "file:///videos/a%20b.mp4"
    assert media["MIME_TYPE"] == "video/mp4"


@pytest.mark.parametrize(
    "name", ["a & b", "<tag>", "\"quotes\" and 'more'", "--", "bell\x07", "line\nline", "= 1", "  "]
)
def test_names(tmp_path, name):
    document = read(elan(named(name, "other"), ""), tmp_path)
    assert len(list(document.get_tier_names())) == 2


def test_names_that_become_one_stay_two(tmp_path):
    document = read(elan(named("a\x01", "a\x02"), ""), tmp_path)
    assert len(list(document.get_tier_names())) == 2


def test_a_turn_without_length(tmp_path):
    timeline = Timeline(
        path="",
        duration=None,
        people=(Person(name="A", unknown=False),),
        turns=(Turn(start=360_000.0, end=360_000.0, speaker="A"),),
    )
    document = read(elan(timeline, ""), tmp_path)
    assert document.get_annotation_data_for_tier("A") == [(360_000_000, 360_000_001, "A")]


def test_nobody(tmp_path):
    assert not list(read(elan(named(), ""), tmp_path).get_tier_names())
