"""Layouts that are inferred from whole trees."""

from collections import Counter
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mraf.data.clips.labels.inference import infer


def read(*paths: str, name: str | None = "videos", others: int = 0) -> list[tuple[str | None, ...]]:
    """The labels of clips at some paths below a folder of this name."""
    folders = [PurePosixPath(path).parent.parts for path in paths]
    layout, _ = infer(Counter(folders), name=name, others=others)
    return [tuple(layout.labels(each)) for each in folders]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["1.mp4"], [(None, None, None)]),
        (["p1/1.mp4", "p2/1.mp4"], [("p1", None, None), ("p2", None, None)]),
        (["ann/v1/1.mp4"], [("ann", None, "v1")]),
        (["ann/Urdu/1.mp4"], [("ann", "Urdu", None)]),
        (["ann/Klingon/v1/1.mp4"], [("ann", None, "Klingon/v1")]),
        (["ann/interview/English/1.mp4"], [("ann", "English", "interview")]),
        (
            ["English/ann/1.mp4", "Urdu/bob/1.mp4"],
            [("ann", "English", None), ("bob", "Urdu", None)],
        ),
        (["2019/ann/english/day 1/v1/1.mp4"], [("ann", "English", "day 1/v1")]),
        (["2020/ann/talk/1.mp4"], [("ann", None, "talk")]),
        (
            ["2020-05-01/ann/1.mp4", "2020-06-02/bob/1.mp4"],
            [("ann", None, None), ("bob", None, None)],
        ),
        (["2020/05/ann/1.mp4", "2020/06/bob/1.mp4"], [("ann", None, None), ("bob", None, None)]),
        (["train/ann/1.mp4", "test/bob/1.mp4"], [("ann", None, None), ("bob", None, None)]),
        (["train-clean-100/84/121123/1.flac"], [("84", None, "121123")]),
        (["raw/ann/1.mp4"], [("ann", None, None)]),
        (["abc/train/ann/1.mp4", "abc/test/bob/1.mp4"], [("ann", None, None), ("bob", None, None)]),
        (
            ["ann/train/rec1/1.mp4", "ann/test/rec2/1.mp4"],
            [("ann", None, "rec1"), ("ann", None, "rec2")],
        ),
        (["English/2020/ann/1.mp4"], [("ann", "English", None)]),
        (
            ["ann/en/film/1.mp4", "ann/eng/talk/1.mp4", "bob/en/show/1.mp4"],
            [("ann", "English", "film"), ("ann", "English", "talk"), ("bob", "English", "show")],
        ),
        (
            ["ann/2020/English/1.mp4", "bob/2021/Urdu/1.mp4"],
            [("ann", "English", "2020"), ("bob", "Urdu", "2021")],
        ),
    ],
)
def test_levels_are_told_apart(paths, expected):
    assert read(*paths) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("wav/id10001/1zcIwhmdeo4/00001.wav", ("id10001", None, "1zcIwhmdeo4")),
        ("dev/wav/id10001/1zcIwhmdeo4/00001.wav", ("id10001", None, "1zcIwhmdeo4")),
        ("dev/mp4/id00012/21Uxsk56VDQ/00001.mp4", ("id00012", None, "21Uxsk56VDQ")),
        ("dev/aac/id00012/21Uxsk56VDQ/00001.m4a", ("id00012", None, "21Uxsk56VDQ")),
        ("vox2_dev_mp4/dev/mp4/id00012/21Uxsk56VDQ/1.mp4", ("id00012", None, "21Uxsk56VDQ")),
        ("id0001/English/xyz/1.mp4", ("id0001", "English", "xyz")),
        ("v1/id0001/Urdu/xyz/1.mp4", ("id0001", "Urdu", "xyz")),
        ("voices/id0001/Urdu/xyz/1.wav", ("id0001", "Urdu", "xyz")),
        ("s1/video/mpg_6000/bbaf2n.mpg", ("s1", None, None)),
        ("s1/audio/bbaf2n.wav", ("s1", None, None)),
        ("main/5535415699068794046/00001.mp4", ("5535415699068794046", None, None)),
        ("pretrain/0af00UcTO-c/00001.mp4", ("0af00UcTO-c", None, None)),
        ("trainval/0af00UcTO-c/00001.mp4", ("0af00UcTO-c", None, None)),
        ("LibriSpeech/train-clean-100/84/121123/1.flac", ("84", None, "121123")),
        ("volunteers/01M/Clips/straightcam/sa1.mp4", ("01M", None, "straightcam")),
        ("Video_Speech_Actor_01/Actor_01/1.mp4", ("Actor_01", None, None)),
        ("wav48_silence_trimmed/p225/p225_001_mic1.flac", ("p225", None, None)),
    ],
)
def test_well_known_trees_are_recognised(path, expected):
    assert read(path) == [expected]


@pytest.mark.parametrize("language", ["Danish", "French", "Paris German", "english", "de"])
def test_a_person_named_like_a_language_stays_one_beside_others(language):
    labels = read(f"{language}/talk/1.mp4", "ann/talk/1.mp4", "bob/v2/1.mp4")
    assert [speaker for speaker, *_ in labels] == [language, "ann", "bob"]
    assert read(f"{language}/English/1.mp4", f"{language}/Urdu/1.mp4") == [
        (language, "English", None),
        (language, "Urdu", None),
    ]


@pytest.mark.parametrize("name", ["Dev", "Val", "Test", "Raw", "Media", "2020"])
def test_a_person_named_like_a_split_stays_one_beside_others(name):
    labels = read(f"{name}/talk/1.mp4", "ann/talk/1.mp4")
    assert labels == [(name, None, "talk"), ("ann", None, "talk")]


def test_people_named_like_codes_of_languages_are_people():
    assert read("ben/1.mp4", "dan/2.mp4") == [("ben", None, None), ("dan", None, None)]
    assert read("de/ann/1.mp4", "ur/ann/1.mp4")[0] == ("ann", "German", None)


def test_a_level_that_is_not_all_languages_is_none_and_a_remark_says_so():
    paths = [("ann", "English"), ("ann", "Klingon"), ("bob", "Urdu")]
    layout, remarks = infer(dict.fromkeys(paths, 1))
    assert layout.labels(paths[0]) == ("ann", None, "English")
    assert (
        len(remarks) == 1 and "'English', 'Urdu': named like languages, but 'Klingon'" in remarks[0]
    )


@pytest.mark.parametrize(
    ("paths", "others", "expected"),
    [
        (["1.mp4"], 0, ("ann", None, None)),
        (["English/1.mp4"], 0, ("ann", "English", None)),
        (["English/v1/1.mp4", "Urdu/v2/1.mp4"], 0, ("ann", "English", "v1")),
        (["interview/1.mp4", "talk 2/1.mp4"], 0, ("ann", None, "interview")),
        (["2020/1.mp4", "2021/1.mp4"], 0, ("ann", None, "2020")),
        (["wav/1.wav"], 0, ("ann", None, None)),
        (["garden/1.mp4", "kitchen/1.mp4"], 1, ("ann", None, "garden")),
        (["carl/1.mp4", "dora/1.mp4"], 0, ("carl", None, None)),
    ],
)
def test_the_named_folder_is_the_speaker_where_no_folder_in_it_is(paths, others, expected):
    assert read(*paths, name="ann", others=others)[0] == expected


@pytest.mark.parametrize(
    "name", ["videos", "data", "train", "2020", "Downloads", "set 1", "german"]
)
def test_a_folder_of_many_people_is_no_speaker(name):
    assert read("1.mp4", name=name)[0][0] is None
    assert read("talk/1.mp4", name=name)[0][0] == "talk"


def test_a_language_that_is_named_is_that_of_its_clips():
    assert read("ann/1.mp4", name="English") == [("ann", "English", None)]
    assert read("ann/Urdu/1.mp4", name="English") == [("ann", "Urdu", None)]


def test_recordings_of_one_name_in_two_years_stay_two():
    assert read("2020/ann/talk/1.mp4", "2021/ann/talk/1.mp4") == [
        ("ann", None, "2020/talk"),
        ("ann", None, "2021/talk"),
    ]
    assert read("a/v1/English/talk/1.mp4", "b/v1/English/talk/1.mp4")[0][2] == "v1/talk"
    assert [r for *_, r in read("raw/ann/talk/1.mp4", "wav/ann/talk/1.wav")] == ["talk", "talk"]


@pytest.mark.parametrize("name", "my gl it ms no pa is bo ta de en".split())
def test_a_code_as_the_name_of_the_root_is_no_language(name):
    assert read("ann/1.mp4", name=name) == [("ann", None, None)]


@pytest.mark.parametrize("name", ["German", "deutsch", "English (US)", "en-US", "اردو"])
def test_a_whole_name_of_the_root_is_a_language(name):
    assert read("ann/1.mp4", name=name)[0][1] is not None


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (
            ["ann/kitchen/English/1.mp4", "bob/garden/English/1.mp4", "bob/garden/Urdu/1.mp4"],
            [
                ("ann", "English", "kitchen"),
                ("bob", "English", "garden"),
                ("bob", "Urdu", "garden"),
            ],
        ),
        (
            ["xan/oslo/en/1.mp4", "yol/paris/de/1.mp4", "yol/oslo/en/1.mp4"],
            [("xan", "English", "oslo"), ("yol", "German", "paris"), ("yol", "English", "oslo")],
        ),
        (
            ["alpha/ann/en/1.mp4", "beta/bob/de/1.mp4"],
            [("ann", "English", None), ("bob", "German", None)],
        ),
        (
            ["German/talk/1.mp4", "German/x/1.mp4"],
            [("German", None, "talk"), ("German", None, "x")],
        ),
        (
            ["German/talk/1.mp4", "English/rec1/1.mp4"],
            [("German", None, "talk"), ("English", None, "rec1")],
        ),
        (["Bo/talk/1.mp4", "Bo/x/1.mp4"], [("Bo", None, "talk"), ("Bo", None, "x")]),
        (
            ["MS/rec1/1.mp4", "SK/rec2/1.mp4", "PL/rec1/1.mp4"],
            [("MS", None, "rec1"), ("SK", None, "rec2"), ("PL", None, "rec1")],
        ),
        (["MS/xan/1.mp4", "SK/yol/1.mp4"], [("MS", None, "xan"), ("SK", None, "yol")]),
        (["EN/ann/1.mp4", "DE/ann/1.mp4"], [("ann", "English", None), ("ann", "German", None)]),
        (
            ["1989/r1/1.mp4", "1990/r2/1.mp4", "2034/r1/1.mp4"],
            [("1989", None, "r1"), ("1990", None, "r2"), ("2034", None, "r1")],
        ),
        (["1989/r1/1.mp4", "1990/r2/1.mp4"], [("1989", None, "r1"), ("1990", None, "r2")]),
        (["1901/xan/1.mp4", "1902/yol/1.mp4"], [("1901", None, "xan"), ("1902", None, "yol")]),
        (["A/talk/1.mp4", "B/rec2/1.mp4"], [("A", None, "talk"), ("B", None, "rec2")]),
        (["84/a1/1.mp4", "85/b2/1.mp4"], [("84", None, "a1"), ("85", None, "b2")]),
        (["alpha/ann/1.mp4", "beta/bob/1.mp4"], [("ann", None, None), ("bob", None, None)]),
        (["A/1.mp4", "B/1.mp4"], [("A", None, None), ("B", None, None)]),
        (["April/1.mp4", "May/1.mp4"], [("April", None, None), ("May", None, None)]),
        (["s1/audio/25k/1.wav"], [("s1", None, None)]),
        (["AudioWAV/ann/1.wav", "VideoFlash/ann/1.flv"], [("ann", None, None)] * 2),
    ],
)
def test_people_are_told_from_recordings_and_languages(paths, expected):
    assert read(*paths) == expected


@pytest.mark.parametrize(
    "groups",
    [
        "male female", "Hommes Femmes", "DR1 DR2", "fold1 fold2", "split1 split2", "A B", "known unknown",
        "real fake", "team1 team 2", "January March", "Januar März", "janvier février", "enero febrero",
        "summer winter", "2020Q1 2020Q2", "2020-Q1 2020-Q2", "group_a group_b", "Region1 Region2", "Monday Tuesday",
    ],
)  # fmt: skip
def test_groups_of_people_are_left_aside(groups):
    one, other = groups.split(" ", 1)
    assert read(f"{one}/xan/1.mp4", f"{other}/yol/1.mp4") == [
        ("xan", None, None),
        ("yol", None, None),
    ]


def test_the_tree_of_timit_is_recognised():
    assert read("TRAIN/DR1/FCJF0/SA1.WAV", "TEST/DR2/MDAB0/SA1.WAV") == [
        ("FCJF0", None, None),
        ("MDAB0", None, None),
    ]


@pytest.mark.parametrize(
    ("path", "recording"),
    [
        ("2020/kitchen/1.mp4", "2020/kitchen"),
        ("2020/oslo/1.mp4", "oslo"),
        ("oslo/take1/1.mp4", "oslo/take1"),
    ],
)
def test_the_folder_of_one_person_by_date_or_place_is_that_persons(path, recording):
    assert read(path, name="ann") == [("ann", None, recording)]


NAME = st.sampled_from(
    "ann bob English Urdu Danish train test 2020 2021 2034 05 A male MS Bo kitchen xan mp4 wav id10001 talk v1 rec2 dan data".split()
)
TREE = st.dictionaries(st.lists(NAME, max_size=5).map(tuple), st.integers(1, 9), min_size=1)


@given(TREE, st.randoms(), NAME | st.none())
def test_labels_come_from_the_tree_and_not_from_the_order_of_listing(tree, random, name):
    layout, _ = infer(tree, name=name)
    shuffled = list(tree.items())
    random.shuffle(shuffled)
    assert infer(dict(shuffled), name=name)[0] == layout
    for folders in tree:
        labels = layout.labels(folders)
        assert labels.speaker in {*folders, name, None}
        assert labels.recording is None or set(labels.recording.split("/")) <= set(folders)
        assert not labels.language or labels.language in {
            *folders,
            name,
            "Danish",
            "Malay",
            "Tibetan",
        }


@pytest.mark.parametrize("name", ["talk", "interview 2", "session_3", "v1"])
def test_a_named_folder_of_a_recording_is_no_speaker(name):
    assert read("1.mp4", "2.mp4", name=name) == [(None, None, None)] * 2
