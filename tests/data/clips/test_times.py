import pytest

from mraf.data.clips.times import part_of_id, seconds_of
from mraf.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("12.5", 12.5), ("12,5", 12.5), (".5", 0.5), ("7.", 7), ("12.5 s", 12.5),
        ("2:03", 123), ("75:30", 4530), ("0:00:01.250", 1.25), ("1:02:03,5", 3723.5), ("00:00:59.999", 59.999),
    ],
)  # fmt: skip
def test_times_as_people_write_them(text, seconds):
    assert seconds_of(text, "x") == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "-1", "nan", "inf", "1e9", "1:60", "1:60:00", "1:2:3:4", "1:-2", ":30", "1:"],
)
def test_other_text_is_refused(text):
    with pytest.raises(UsageError, match=r"line 2: the end '.*' is no time: give seconds"):
        seconds_of(text, "m.csv, line 2: the end")


def test_the_id_of_a_part_says_which():
    assert part_of_id(None, None) == ""
    assert part_of_id(12.5, 30) == "#12.5-30"
    assert part_of_id(None, 30.125) == "#0-30.125" and part_of_id(3600, None) == "#3600-"
