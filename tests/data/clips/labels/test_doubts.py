"""Remarks on layouts that are a guess."""

import re
from collections import Counter
from itertools import product
from pathlib import PurePosixPath

import pytest

from mraf.data.clips.labels.inference import infer
from mraf.data.clips.labels.layout import Folders
from mraf.data.clips.labels.pattern import PatternLayout


def paths_of(*patterns: str) -> list[Folders]:
    """The folders of paths in which `{a,b}` stands for both."""
    found = []
    for pattern in patterns:
        parts = [re.split(r",", part) for part in re.split(r"[{}]", pattern)]
        found += [PurePosixPath("".join(each)).parts for each in product(*parts)]
    return found


def remarks(*patterns: str, name: str | None = "videos", is_of_named: bool = False) -> list[str]:
    """The remarks on a tree of such paths."""
    tree = Counter(paths_of(*patterns))
    return infer(tree, name=name, is_of_named=is_of_named)[1]


@pytest.mark.parametrize(
    "patterns",
    [
        ["{ann,bob}"],
        ["{ann,bob}/{talk,show}"],
        ["{ann,bob}/{berlin,paris}"],
        ["{xan,yol}/{rec1,rec2}"],
        ["{ann,bob}/{English,Urdu}/v1"],
        ["ann/kitchen/English", "bob/garden/Urdu"],
        ["{English,Urdu}/{ann,bob}"],
        ["{English,Urdu}/{id0001,id0002}/x"],
        ["{train,test}/{xan,yol}"],
        ["{male,female}/{xan,yol}"],
        ["{A,B}/{ann,bob}"],
        ["{84,174}/{121123,121124}"],
    ],
)
def test_nothing_is_said_of_what_is_clear(patterns):
    assert remarks(*patterns) == []


@pytest.mark.parametrize(
    ("patterns", "said", "layout", "speaker"),
    [
        (["Danish/xan", "German/yol"], "Taken for languages", "{speaker}/{recording}/{clip}", "Danish"),
        (["Danish/xan"], "Taken for a language: 'Danish'", "{speaker}/{recording}/{clip}", "Danish"),
        (["{xan,yol}/{a1b,c1d}/{en,de}"], "'xan', 'yol' were taken", "*/{speaker}/{language}/{clip}", "a1b"),
        (["{xan,yol}/{max_a,will_b}"], "'xan', 'yol' for groups", "{speaker}/{recording}/{clip}", "xan"),
        (["{A,B}/{xan,yol}"], "'A', 'B' were taken for groups", "{speaker}/{recording}/{clip}", "A"),
        (["{north1,south2}/{xan,yol}"], "the next level: 'xan', 'yol'", "*/{speaker}/{clip}", "xan"),
        (["north1/xan/a1b", "south2/yol/c1d"], "next level", "*/{speaker}/{recording}/{clip}", "xan"),
        (["north1/xan/talk", "south2/yol/rec1"], "next level", "*/{speaker}/{recording}/{clip}", "xan"),
    ],
)  # fmt: skip
def test_a_guess_is_told_with_the_layout_of_the_other_reading(patterns, said, layout, speaker):
    (remark,) = remarks(*patterns)
    assert said in remark and f'--layout "{layout}"' in remark
    found = [PatternLayout(layout).labels(path, "1.mp4") for path in paths_of(*patterns)]
    assert all(found) and speaker in {labels.speaker for labels in found if labels}


def test_a_level_that_is_almost_one_of_languages_has_its_layout():
    (remark,) = remarks("{ann,bob}/{English,Klingon}/talk")
    assert "'English': named like a language, but 'Klingon'" in remark
    assert '--layout "{speaker}/{language}/{recording}/{clip}"' in remark


def test_a_stray_folder_beside_splits_is_named():
    (remark,) = remarks("{train,test}/{xan,yol}", "extra/xan")
    assert "'test', 'train'" in remark and "--exclude 'extra'" in remark


def test_the_named_folder_may_be_a_speaker_that_was_not_taken():
    (remark,) = remarks("{berlin,paris}/take1", name="xan")
    assert "'berlin', 'paris'" in remark and '--layout "{recording}/{recording}/{clip}"' in remark
    assert remarks("{ann,bob}/take1", name="xan") == []


def test_a_named_language_is_told():
    (remark,) = remarks("{ann,bob}", name="German")
    assert "that of the folder that you named: German" in remark


def test_a_layout_of_folders_that_were_named_counts_from_these():
    (remark,) = remarks("{xan,yol}/{q1a,q2b}/take1", name=None, is_of_named=True)
    assert '--layout "{speaker}/{recording}/{clip}"' in remark
