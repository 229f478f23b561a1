"""What is said of the labels of clips."""

import pytest

from mraf.data.clips.clip import Clip
from mraf.data.clips.labels.layout import Labels
from mraf.data.clips.labels.understood import Understanding, understand


def warnings(*speakers: str | None) -> str:
    """The warnings on clips of these speakers."""
    understanding = Understanding()
    for number, speaker in enumerate(speakers):
        understanding.add(Labels(speaker), f"{number}.mp4", "{speaker}/{clip}")
    return "\n".join(understanding.summary().warnings)


def test_numbers_names_and_examples():
    understanding = Understanding()
    for speaker in ("bob", "ann", "carl", "dora"):
        for recording in ("v1", "v2"):
            for language in ("Urdu", "English"):
                labels = Labels(speaker, language, recording)
                understanding.add(labels, f"{speaker}/{language}/{recording}/1.mp4", "pattern")
    found = understanding.summary()
    assert (found.clips, found.recordings, found.warnings) == (16, 16, ())
    assert found.speakers == ("ann", "bob", "carl", "dora")
    assert found.languages == ("English", "Urdu") and found.layouts == ("pattern",)
    assert [each.path for each in found.examples] == [
        "bob/Urdu/v1/1.mp4", "ann/Urdu/v1/1.mp4", "carl/Urdu/v1/1.mp4",
    ]  # fmt: skip


def test_nothing_is_said_of_people_that_look_like_people():
    assert warnings("ann", "bob", "person 3", "id10001", "José") == ""


@pytest.mark.parametrize(
    ("speakers", "said"),
    [
        (["ann", "ann"], "Only one speaker: ann."),
        ([None, None], "No speaker is named."),
        (["ann", "bob", None], "1 of 3 clips without a speaker (the first: 2.mp4)"),
        (["ann", "Danish"], "Speaker named like a language: Danish."),
        (["84", "174", "ann"], "2 speakers named like a number: 174, 84."),
        (["ann", "video"], "Speaker named like a folder of files: video."),
        (["ann", "Desktop", "set 2"], "2 speakers named like a folder of files: Desktop, set 2."),
        (["ann", "train"], "Speaker named like a split: train."),
        (["ann", "2020-05-01"], "Speaker named like a number: 2020-05-01."),
        (["talk", "rec1", "session2"], "3 speakers named like a recording: rec1, session2, talk."),
        (["ann", "male"], "Speaker named like a group of people: male."),
        (["ann", "Ann", "bob"], "alone count as different: Ann and ann."),
        (["ann_b", "ann b", "bob"], "ann b and ann_b"),
        (["José", "jose", "bob"], "José and jose"),
        ([f"p{n}x" for n in range(100)], "100 of 100 speakers have a single clip"),
    ],
)
def test_what_looks_wrong_is_said(speakers, said):
    assert said in warnings(*speakers)


def test_what_to_do_is_said_once():
    text = warnings("Danish", "train", "2")
    assert text.count("--layout") == 1 and '--layout "{speaker}/{clip}"' in text


def test_letters_with_marks_of_other_scripts_are_not_alike():
    assert warnings("कि", "की") == ""


def test_clips_that_name_more_than_others_are_told():
    understanding = Understanding()
    for labels, path in ((Labels("ann"), "ann/1.mp4"), (Labels("bob", None, "v"), "bob/v/1.mp4")):
        understanding.add(labels, path)
    (said,) = understanding.summary().warnings
    assert "speaker: 1, such as ann/1.mp4; speaker and recording: 1, such as bob/v/1.mp4." in said


def test_a_manifest_is_understood_as_folders_are(tmp_path):
    clips = [Clip(str(n), tmp_path, speaker="ann", language="Urdu") for n in range(3)]
    found = understand(clips).summary()
    assert (found.speakers, found.languages, found.clips) == (("ann",), ("Urdu",), 3)
    assert "Check the columns" in found.warnings[0] and "--layout" not in found.warnings[0]


def test_names_in_a_manifest_that_are_alike_are_cells_and_absent_files_are_told(tmp_path):
    clips = [Clip(name, tmp_path / name, speaker=name) for name in ("ann", "Ann")]
    (tmp_path / "ann").touch()
    text = "\n".join(understand(clips, look=True).summary().warnings)
    assert "give the cells of the manifest the same name" in text and "folders" not in text
    assert f"A file is not there: {tmp_path / 'Ann'}." in text
    assert "not there" not in "\n".join(understand(clips).summary().warnings)


def test_the_hint_for_files_without_folders_fits_their_names():
    understanding = Understanding()
    understanding.add(Labels(), "flat/ann_talk_01.mp4", "{clip}")
    assert '--layout "{speaker}_{recording}_{clip}"' in understanding.summary().warnings[0]
