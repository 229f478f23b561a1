"""The model card after people came and went."""

from mraf import checkpoint
from mraf.pipeline.people.enrol import enrol
from mraf.pipeline.people.enrolment.card import LATE, with_people
from mraf.pipeline.people.forget import forget
from mraf.pipeline.workspace import Workspace
from tests.helpers.described_clips import PAIR, clip


def card_of(workspace) -> str:
    return (Workspace(workspace).model() / checkpoint.CARD).read_text("utf-8")


def test_the_card_says_who_came_without_training_and_what_is_promised(workspace, tmp_path):
    assert LATE not in card_of(workspace)
    for who in ("fay", "gus"):
        clips = [clip(tmp_path / "new" / f"{who}{i}.mp4", who) for i in range(2)]
        enrol(who, clips, workspace=workspace, encoders=PAIR)
    card = card_of(workspace)
    assert card.count(LATE) == 1 and "2 people were enrolled" in card and "fay, gus" in card
    assert "twins" in card and "| Speakers | 7: " in card
    assert card.index("## People it does not know") < card.index(LATE) < card.index("## Privacy")
    forget("gus", workspace)
    assert "1 person was enrolled" in card_of(workspace)
    forget("fay", workspace)
    assert LATE not in card_of(workspace) and "## Privacy" in card_of(workspace)


def test_a_model_that_begins_with_enrolment_has_the_limits(tmp_path):
    clips = [clip(tmp_path / "new" / f"{i}.mp4", "fay") for i in range(2)]
    enrol("fay", clips, workspace=tmp_path / "w", encoders=PAIR)
    card = card_of(tmp_path / "w")
    assert "1 % is not promised" in " ".join(card.split()) and LATE in card
    for limit in ("twins", "photos", "cloned voices", "other encoders"):
        assert limit in card


def test_a_card_in_another_form_gets_the_section_at_its_end():
    card = with_people("# old", ["a"], ["a"])
    assert card.startswith("# old\n\n" + LATE) and with_people(card, ["a"], []).startswith("# old")
