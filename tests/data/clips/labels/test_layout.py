"""Layouts of trees, as labels and as patterns."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given

from mraf.data.clips.labels.inference import infer
from mraf.data.clips.labels.layout import TreeLayout
from mraf.data.clips.labels.pattern import PatternLayout
from tests.data.clips.labels.test_inference import TREE


@pytest.mark.parametrize(
    "path",
    [
        "ann/English/talk/1.mp4",
        "train/mp4/ann/1.mp4",
        "English/ann/talk/day 1/1.mp4",
        "group/ann/English/1.mp4",
        "s1/video/mpg_6000/1.mpg",
        "male/ann/1.mp4",
        "ann/kitchen/English/1.mp4",
    ],
)
def test_the_description_is_a_pattern_that_gives_the_same_labels(path):
    folders = PurePosixPath(path).parent.parts
    layout, _ = infer({folders: 1})
    assert PatternLayout(layout.describe(folders)).labels(folders, "1.mp4") == layout.labels(
        folders
    )


@given(TREE, TREE)
def test_a_layout_reads_clips_that_it_was_not_inferred_from(tree, other):
    layout, _ = infer(tree)
    assert isinstance(layout, TreeLayout)
    for folders in other:
        assert layout.labels(folders).speaker in {*folders, None}
        assert layout.describe(folders).count("/") == len(folders)
