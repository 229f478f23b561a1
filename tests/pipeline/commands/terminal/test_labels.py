"""What `mraf extract` prints of labels, and its options for them."""

import json
from pathlib import Path

PACKAGED = ["--face", "dlib", "--voice", "campplus"]


def test_a_dry_run_shows_what_is_understood_and_writes_nothing(mraf, tmp_path):
    for name in ("2020/ann/en/talk/1.mp4", "2020/Ann/Urdu/talk/1.mp4", "2020/ann/@eaDir/1.mp4"):
        (tmp_path / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "videos" / name).write_bytes(b"no video")
    code, out, err = mraf("extract", "videos", "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0 and not err and not Path("mraf-workspace").exists()
    assert set("clips speakers languages recordings warnings left_out".split()) <= set(found)
    assert (found["clips"], found["speakers"], found["languages"], found["recordings"]) == (
        2,
        ["Ann", "ann"],
        ["English", "Urdu"],
        2,
    )
    assert found["left_out"] == {"@eaDir": 1} and "Ann and ann" in found["warnings"][0]
    code, out, _ = mraf("extract", "videos", "--dry-run")
    assert code == 0 and out.splitlines()[:4] == [
        "2 clips, 2 speakers, 2 languages, 2 recordings",
        "  speakers   Ann, ann",
        "  languages  English, Urdu",
        "  read as    */{speaker}/{language}/{recording}/{clip}",
    ]
    assert (
        "such as    2020/ann/en/talk/1.mp4 -> speaker ann, language English, recording talk" in out
    )
    assert "Left out: @eaDir 1" in out


def test_a_dry_run_of_a_manifest_and_options_that_do_not_fit(mraf, tmp_path):
    (tmp_path / "clips.csv").write_text("video,speaker,language\na.mp4,ann,en\nb.mp4,ann,English\n")
    code, out, _ = mraf("extract", "--manifest", "clips.csv", "--dry-run", "--json")
    found = json.loads(out)
    assert code == 0 and (found["speakers"], found["languages"]) == (["ann"], ["English"])
    assert found["warnings"] == [
        f"2 files are not there: {tmp_path / 'a.mp4'}, {tmp_path / 'b.mp4'}.",
        "Only one speaker: ann. Check the columns 'speaker', 'language' and 'recording' of the manifest.",
    ]
    for option, value in (("--layout", "{speaker}/{clip}"), ("--exclude", "x")):
        code, _, err = mraf("extract", "--manifest", "clips.csv", option, value)
        assert code == 2 and f"{option} is for folders" in err
    code, _, err = mraf("extract", ".", "--layout", "{who}/{clip}", "--dry-run")
    assert code == 2 and "{who} is no field" in err


def test_the_labels_are_shown_before_work_and_reported(mraf, tmp_path):
    (tmp_path / "videos" / "train").mkdir(parents=True)
    (tmp_path / "videos" / "ann").mkdir()
    for folder in ("train", "ann"):
        (tmp_path / "videos" / folder / "1.mp4").write_bytes(folder.encode())
    code, out, _ = mraf("extract", "videos", *PACKAGED)
    assert code == 1 and out.startswith("2 clips, 2 speakers, 0 languages, 0 recordings")
    assert out.count("named like a split: train") == 1
    code, out, _ = mraf("extract", "videos", *PACKAGED, "--json", "--exclude", "ann")
    found = json.loads(out)
    assert found["clips"] == 1 and found["left_out"] == {"excluded by --exclude": 1}
    assert any("No speaker is named" in each for each in found["warnings"])
