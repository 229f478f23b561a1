"""Corrections as people write them."""

import pytest

from mraf.errors import UsageError
from mraf.pipeline.timeline.corrections.edits import (
    clock,
    rename_of,
    split_of,
)
from tests.helpers.conversations import conversation, person

TALK = conversation()


def test_a_name_is_given_to_a_person_of_the_timeline():
    edit = rename_of(" unknown 1 = Zoë  O'Neil ", TALK)
    assert (edit.person, edit.name, edit.is_split) == ("unknown 1", "Zoë  O'Neil", False)
    assert edit.speech == ((10.5, 25.0), (52.0, 60.0)) and edit.name_speech == ()
    assert edit.seen == ((10.4, 25.2), (52.0, 60.0))
    merged = rename_of("unknown 2=Ann", TALK)
    assert merged.name_speech == ((0.0, 10.0), (30.0, 50.0))
    assert rename_of("unknown 2=unknown 1", TALK).name == "unknown 1"
    assert rename_of("Ann= Unknown ", TALK).name == "unknown"
    assert rename_of("unknown 2=محمد علی", TALK).name == "محمد علی"


def test_names_may_hold_an_equals_sign():
    talk = conversation(people=(person("a=b"), person("a")))
    assert rename_of("a=b=c", talk).person == "a"  # the first that somebody is called
    talk = conversation(people=(person("a=b"),))
    assert (rename_of("a=b=c", talk).person, rename_of("a=b=c", talk).name) == ("a=b", "c")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("unknown 1", "expected OLD=NEW"),
        ("Anne=Bob", r"Nobody is called 'Anne' in this timeline .*Did you mean 'Ann'"),
        ("Ann=", "cannot name a speaker: it is empty"),
        ("Ann=-x", "begins with '-'"),
        ("Ann=a\nb", "line break"),
        ("Ann=Ann", "the same name"),
        ("Ann=unknown 9", "'unknown 9' is nobody in the timeline .*write 'unknown'"),
    ],
)
def test_what_no_renaming_says_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        rename_of(text, TALK)


def test_a_part_of_a_person_is_another():
    edit = split_of("Ann@0:30-0:50.5=Bob", TALK)
    assert (edit.person, edit.name, edit.start, edit.end) == ("Ann", "Bob", 30.0, 50.5)
    assert split_of("unknown 1@-0:30=unknown", TALK).end == 30.0
    assert split_of("unknown 1@30-=Ann", TALK).end is None
    assert str(edit) == "Ann@0:30-0:50.5=Bob" and str(rename_of("Ann=Bo", TALK)) == "Ann=Bo"
    talk = conversation(people=(person("ann@home=1"),))
    assert split_of("ann@home=1@1-2=Bob", talk).person == "ann@home=1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Ann=Bob", "expected"),
        ("Ann@-=Bob", "expected"),
        ("Ann@soon-late=Bob", "'soon' is no time"),
        ("Ann@20-10=Bob", "0:20 is not before 0:10"),
        ("Ann@2:00-3:00=Bob", "the file ends at 1:00"),
        ("Eve@10-20=Bob", "Nobody is called 'Eve'"),
        ("Ann@10-20=Ann", "both names are the same"),
    ],
)
def test_what_no_split_says_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        split_of(text, TALK)


def test_times_are_written_as_people_write_them():
    assert clock(3723.46) == "1:02:03.5" and clock(59.96) == "1:00" and clock(750) == "12:30"
