"""Layouts that people write."""

import pytest

from mraf.data.clips.labels.pattern import PatternLayout, example_for, no_fit
from mraf.errors import UsageError


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        (
            "{speaker}/{language}/{recording}/{clip}",
            "ann/en/talk/1.mp4",
            ("ann", "English", "talk"),
        ),
        ("/{speaker}/{clip}/", "ann/1.mp4", ("ann", None, None)),
        ("{}/{_}/*/{speaker}/{clip}", "a/b/c/ann/1.mp4", ("ann", None, None)),
        (
            "{recording}/{speaker}/{recording}/{clip}",
            "2020/ann/talk/1.mp4",
            ("ann", None, "2020/talk"),
        ),
        ("{speaker}_{recording}_{clip}", "ann_interview_01.mp4", ("ann", None, "interview")),
        ("{speaker}_{recording}", "ann_interview.mp4", ("ann", None, "interview")),
        ("{speaker}", "ann.lee.mp4", ("ann.lee", None, None)),
        ("{speaker}.mp4", "ann.MP4", ("ann", None, None)),
        ("{speaker}/{clip}.MP4", "ann/1.mp4", ("ann", None, None)),
        ("{speaker}/{clip}.MP4", "ann/1.MP4", ("ann", None, None)),
        ("speaker-{speaker}/*", "speaker-7/1.mp4", ("7", None, None)),
        ("**/{speaker}/{clip}", "a/b/ann/1.mp4", ("ann", None, None)),
        ("**/{speaker}/{clip}", "ann/1.mp4", ("ann", None, None)),
        ("{speaker} ({language})/{clip}", "ann (Deutsch)/1.mp4", ("ann", "German", None)),
        ("{speaker}/{clip}", "a/ann/1.mp4", None),
        ("{speaker}/{clip}", "1.mp4", None),
        ("train/{speaker}/{clip}", "test/ann/1.mp4", None),
        ("{speaker}_{clip}", "ann.mp4", None),
    ],
)
def test_a_path_is_read_or_does_not_fit(pattern, path, expected):
    *folders, file = path.split("/")
    labels = PatternLayout(pattern).labels(tuple(folders), file)
    assert labels == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("", "it is empty"),
        ("{speaker}/{speeker}/{clip}", r"\{speeker\} is no field"),
        ("{speaker}/{speaker}/{clip}", r"\{speaker\} occurs more than once"),
        ("{speaker}{recording}/{clip}", "two fields touch"),
        ("{speaker}*/{clip}", "two fields touch"),
        ("{speaker}//{clip}", "a part between two slashes is empty"),
        ("{speaker/{clip}", "has no partner"),
        ("{clip}/{speaker}", "belongs into the last part"),
        ("*/*", "names no field"),
        ("{speaker}/**", "stands for the file"),
        ("{speaker}/a**/{clip}", r"\*\* stands alone"),
    ],
)
def test_a_wrong_pattern_is_refused_with_an_example(pattern, message):
    with pytest.raises(UsageError, match=message) as refused:
        PatternLayout(pattern)
    assert '--layout "{speaker}/{language}/{recording}/{clip}"' in str(refused.value)


def test_a_name_that_can_be_read_in_two_ways_is_known():
    layout = PatternLayout("{speaker}_{recording}_{clip}")
    assert layout.labels((), "ann_b_talk_1.mp4") == ("ann", None, "b")
    assert not layout.is_clear((), "ann_b_talk_1.mp4") and layout.is_clear((), "ann_talk_1.mp4")


@pytest.mark.parametrize(
    ("rule", "name", "example"),
    [
        ("{clip}", "ann_talk_01.mp4", "{speaker}_{recording}_{clip}"),
        ("{clip}", "ann-01.mp4", "{speaker}-{clip}"),
        ("*/{clip}", "wav/1001_DFA_ANG.wav", "*/{speaker}_{recording}_{clip}"),
        ("{}/{clip}", "1.mp4", "{speaker}/{clip}"),
        ("{}/{}/{clip}", "1.mp4", "{speaker}/{recording}/{clip}"),
        ("{}/{}/{}/{clip}", "1.mp4", "{speaker}/{language}/{recording}/{clip}"),
        ("{}/{}/{}/{}/{clip}", "1.mp4", "{speaker}/{language}/{recording}/{recording}/{clip}"),
    ],
)
def test_an_example_has_the_depth_of_the_tree(rule, name, example):
    assert example_for(rule, name) == example


def test_what_no_name_has_is_told():
    error = str(no_fit(PatternLayout("{speaker}-{clip}"), "flat", (), "ann_1.mp4", ["ann_1.mp4"]))
    assert "No file's name has '-' in it" in error and '--layout "{speaker}_{clip}"' in error
    error = str(no_fit(PatternLayout("{speaker}/{clip}"), "flat", (), "ann_1.mp4", ["ann_1.mp4"]))
    assert "in 1 folder below this one; the first clip lies in 0: ann_1.mp4" in error
