"""The command line as a person uses it: what is printed, the exit codes, the JSON."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mraf import cli
from tests.helpers.media_files import corners, tone, write_media

PACKAGED = ["--face", "dlib", "--voice", "ge2e"]


def video(sample_videos: Path, **wanted: str) -> Path:
    """A sample clip with these columns in sample.csv."""
    import csv

    rows = csv.DictReader((sample_videos / "sample.csv").open(encoding="utf-8", newline=""))
    row = next(r for r in rows if all(r[key] == value for key, value in wanted.items()))
    return sample_videos / row["path"]


def test_the_three_commands_of_the_readme(mraf, sample_videos, tmp_path):
    shutil.copytree(sample_videos, tmp_path / "videos")
    code, out, err = mraf("extract", "videos/", *PACKAGED)
    assert code == 0 and "32 clips in mraf-workspace/features: 32 new, 0 re-used" in out
    assert "Traceback" not in err and "Warning" not in err
    code, out, _ = mraf("train", "--epochs", 25)
    assert code == 0 and "Model default: 4 speakers" in out and "held-out clips named right" in out
    clip = video(sample_videos, speaker="person02", face="seen", sound="speech")
    code, out, _ = mraf("identify", clip)
    assert code == 0 and re.search(r"person02\s+\d+\.\d%", out)
    assert re.search(r"face +weight 0\.\d\d, in \d frames", out)
    card = Path("mraf-workspace/models/default/README.md").read_text()
    assert "person02" in card and "$" not in card


def test_a_second_extraction_re_uses_everything(mraf, sample_videos, extracted):
    code, out, _ = mraf("extract", sample_videos, "-w", extracted, "--json")
    report = json.loads(out)
    assert code == 0 and (report["clips"], report["reused"], report["embedded"]) == (32, 32, 0)
    wanted = (
        "clips embedded reused face_missing voice_missing failed encoders seconds clips_per_second"
    )
    assert set(wanted.split()) <= set(report)


def test_evaluate_reports_the_four_settings(mraf, trained):
    code, out, _ = mraf("evaluate", "-w", trained, "--json")
    report = json.loads(out)
    assert (
        code == 0
        and report["mode"] == "single"
        and set(report["settings"]) == {"P3", "P4", "P5", "P6"}
    )
    assert report["settings"]["P6"]["n"] > report["settings"]["P5"]["n"] > 0
    assert all(setting["accuracy"] >= 0.75 for setting in report["settings"].values())
    scores = [setting["accuracy"] for setting in report["settings"].values()]
    assert report["mean"] == pytest.approx(sum(scores) / 4)
    assert json.loads((trained / "reports" / "default-single.json").read_text()) == report
    code, out, _ = mraf("evaluate", "-w", trained)
    assert code == 0 and "other language (Urdu)" in out and "P6" in out


def test_identify_with_json_keeps_the_contract(mraf, sample_videos, trained):
    seen = video(sample_videos, face="seen", sound="speech", language="Urdu")
    hidden = next(
        video(sample_videos, face=kind)
        for kind in ("hand", "turned_away", "dark", "out_of_frame")
        if f",{kind}," in (sample_videos / "sample.csv").read_text("utf-8")
    )
    code, out, _ = mraf("identify", seen, hidden, "-w", trained, "--top", 2, "--json")
    clips = json.loads(out)["clips"]
    assert code == 0 and [clip["path"] for clip in clips] == [str(seen), str(hidden)]
    first, second = clips
    assert set(first) == {"path", "speaker", "probability", "candidates", "face", "voice", "error"}
    assert set(first["face"]) == {"present", "weight", "reason", "frames"}
    assert set(first["voice"]) == {"present", "weight", "reason", "seconds"}
    assert len(first["candidates"]) == 2
    assert first["candidates"][0]["speaker"] == first["speaker"]
    assert first["face"]["weight"] + first["voice"]["weight"] == pytest.approx(1, abs=1e-3)
    assert second["face"]["present"] is False and second["face"]["weight"] == 0
    assert (
        second["face"]["reason"] in ("no_face", "low_confidence")
        and second["voice"]["weight"] > 0.99
    )


def test_silent_clip_is_named_by_its_face(mraf, sample_videos, trained, tmp_path):
    from tests.pipeline.test_real_clips import without_sound

    clip = video(sample_videos, speaker="person03", face="seen", sound="speech")
    silent = without_sound(clip, tmp_path / "silent.mp4")
    code, out, _ = mraf("identify", silent, "-w", trained)
    assert code == 0 and "person03" in out.splitlines()[1] and "voice  missing: no sound" in out


def test_ugly_input_gives_marked_rows_and_the_run_goes_on(mraf, sample_videos, tmp_path):
    folder = tmp_path / "videos" / "آمنہ 'q' \"x\""
    folder.mkdir(parents=True)
    good = video(sample_videos, face="seen", sound="speech")
    shutil.copy(good, folder / "good one.mp4")
    (folder / "text.mp4").write_text("this is no video\n" * 100)
    (folder / "empty.mp4").touch()
    frames = corners()[None].repeat(13, axis=0)
    whole = write_media(tmp_path / "whole.mp4", frames, tone(1.0)).read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])  # the index stood at the end
    write_media(folder / "short.mp4", frames, tone(0.5))
    write_media(folder / "mute.mp4", frames)
    write_media(folder / "sound.mp4", None, tone(2.0))
    code, out, err = mraf("extract", "videos", *PACKAGED, "--json")
    report = json.loads(out)
    assert code == 1 and "Traceback" not in err
    assert (report["clips"], report["embedded"]) == (7, 7)
    assert sorted(Path(each["clip"]).name for each in report["failed"]) == [
        "cut.mp4",
        "empty.mp4",
        "text.mp4",
    ]
    assert report["face_reasons"] == {"decode_error": 3, "no_face": 2, "no_video": 1}
    assert report["voice_reasons"] == {"decode_error": 3, "no_audio": 1, "no_speech": 2}
    code, out, _ = mraf("extract", "videos", *PACKAGED)
    assert (
        code == 1
        and "7 re-used" in out
        and "text.mp4: not a video or sound file that can be opened" in out
        and out.count("text.mp4") == 1
    )
    lines = [
        line.partition('"x"/')[2] for line in out.partition("3 without a face")[2].splitlines()
    ]
    assert sorted(lines)[1:] == [
        "mute.mp4: no face found; no sound",
        "short.mp4: no face found; no speech heard",
        "sound.mp4: no picture; no speech heard",
    ]
    assert {"face", "voice", "detail"} < report["missing"][0].keys() and len(report["missing"]) == 6
    code, _, err = mraf("train")
    assert code == 2 and "only one speaker has clips to train on ('آمنہ" in err
    code, out, _ = mraf("features", "info", "--json")
    assert code == 0 and json.loads(out)["failed"] == 3


def test_what_lies_beside_clips_and_where_nobody_may_look_is_told(mraf, tmp_path, monkeypatch):
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    closed = tmp_path / "videos" / "closed"
    closed.mkdir(parents=True)
    write_media(tmp_path / "videos" / "mute.mp4", corners()[None].repeat(5, axis=0))
    for name in ("a.jpg", "b.JPG", "notes"):
        (tmp_path / "videos" / name).touch()
    code, out, _ = mraf("extract", "videos", *PACKAGED)
    assert code == 1
    assert "Left out: 3 files that are no video or sound (.jpg 2, no ending 1)" in out
    assert f"{closed}: this folder cannot be listed (Permission denied)" in out
    code, out, _ = mraf("extract", "videos", *PACKAGED, "--json")
    report = json.loads(out)
    assert code == 1 and report["left_out"] == {".jpg": 2, "": 1}
    assert report["unreadable"] == [{"folder": str(closed), "reason": "Permission denied"}]


def test_identify_tells_where_it_may_not_look(mraf, trained, tmp_path, monkeypatch):
    (tmp_path / "text.mp4").write_text("no video")
    monkeypatch.setattr(
        "mraf.pipeline.identification.clip_files", lambda path: ([path], {"shut": "closed"})
    )
    code, out, _ = mraf("identify", "text.mp4", "-w", trained)
    assert code == 1 and "shut\n  not identified: this folder cannot be listed (closed)" in out


def test_names_that_are_not_utf_8_are_extracted_and_identified(mraf, sample_videos, trained):
    folder = Path(os.fsdecode(b"videos/caf\xe9"))
    folder.mkdir(parents=True)
    good = folder / os.fsdecode(b"\xff.mp4")
    shutil.copy(video(sample_videos, face="seen", sound="speech"), good)
    (folder / os.fsdecode(b"bad \xff.mp4")).write_text("no video")
    (folder / os.fsdecode(b"a.jp\xe9")).touch()
    code, out, _ = mraf("extract", "videos", *PACKAGED, "--json")
    report = json.loads(out)
    assert code == 1 and (report["face_missing"], report["voice_missing"]) == (1, 1)
    assert [failure["clip"] for failure in report["failed"]] == [r"caf\xe9/bad \xff.mp4"]
    code, out, _ = mraf("extract", "videos", *PACKAGED)
    assert code == 1 and "2 re-used" in out and r"(.jp\xe9 1)" in out
    code, out, _ = mraf("identify", folder, "-w", trained, "--json")
    paths = [Path(clip["path"]) for clip in json.loads(out)["clips"]]
    assert code == 1 and good.absolute() in paths and all(path.is_file() for path in paths)


def test_identify_marks_what_it_cannot_name(mraf, trained, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    write_media(tmp_path / "nothing.mp4", corners()[None].repeat(5, axis=0))
    code, out, _ = mraf("identify", "text.mp4", "nothing.mp4", "-w", trained)
    assert code == 1
    assert out.count("not identified") == 2
    assert "neither face nor voice" in out and "face   missing: no face found" in out
    code, out, _ = mraf("identify", "text.mp4", "-w", trained, "--json")
    clip = json.loads(out)["clips"][0]
    assert (clip["face"]["reason"], clip["voice"]["reason"]) == ("decode_error", "decode_error")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["extract", "nowhere"], 2, "nowhere: no such file or folder"),
        (["extract", "x" * 300], 2, r"cannot be looked at \(File name too long\)"),
        (["identify", "x" * 300], 2, r"cannot be looked at \(File name too long\)"),
        (["extract", "--manifest", "x" * 300], 2, r"cannot be looked at \(File name too long\)"),
        (["extract"], 2, "Name videos or folders"),
        (["extract", "."], 2, "no video or sound file in this folder"),
        (["extract", "--root", ".", "x"], 2, "--root belongs to --manifest"),
        (["extract", "--manifest", "m.csv"], 2, "no such manifest"),
        (["extract", "x", "--frams", "3"], 2, "--frames"),
        (["extract", "x", "--frames", "0"], 2, "--frames"),
        (["train"], 3, "Run `mraf extract VIDEOS` first"),
        (["train", "--preset", "papr"], 2, "no preset 'papr'.*Did you mean 'paper'"),
        (["train", "--name", "../x"], 2, "cannot name a model"),
        (["evaluate"], 3, "no model here yet"),
        (["evaluate", "--mode", "all"], 2, "no mode 'all'"),
        (["identify", "nowhere.mp4"], 2, "no such file"),
        (["features", "info"], 3, "no features here yet"),
        (["weights", "get", "facenett"], 2, "Did you mean 'facenet'"),
        (["idntify", "x"], 2, "No such command"),
        (["sample", "x", "--speakers", "1"], 2, "--speakers"),
    ],
)
def test_errors_say_what_to_do_and_have_the_right_code(mraf, arguments, code, message):
    found, out, err = mraf(*arguments)
    assert found == code, err
    assert re.search(message, err), err
    assert "Traceback" not in err and out == ""
    found, out, _ = mraf(*arguments, "--json")
    assert found == code and set(json.loads(out)) == {"error"}


def test_model_names_are_suggested(mraf, trained, sample_videos):
    code, _, err = mraf("evaluate", "-w", trained, "--model", "defualt")
    assert code == 3 and "Did you mean 'default'" in err


def test_mixing_encoders_is_refused(mraf, trained, sample_videos, monkeypatch):
    from mraf.extractors import encoders

    monkeypatch.setattr(
        encoders.EncoderSpec, "identity", property(lambda self: f"{self.name}@other")
    )
    code, _, err = mraf("extract", sample_videos, "-w", trained, *PACKAGED)
    assert code == 2 and "cannot be compared" in err and "another workspace" in err
    code, _, err = mraf("identify", video(sample_videos, face="seen"), "-w", trained)
    assert code == 2 and "trained on vectors of face=dlib@" in err


def test_help_is_quick_to_make_and_imports_nothing_heavy():
    code = "import sys, cli; cli._run(['--help']); print('|', *sorted({'torch','numpy','av','cv2','rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "identify" in done.stdout and done.stdout.rstrip().endswith("|")


def test_ctrl_c_keeps_what_is_done(sample_videos, tmp_path):
    command = [
        sys.executable,
        "-m",
        "mraf",
        "extract",
        str(sample_videos),
        *PACKAGED,
        "--workers",
        "1",
    ]
    child = subprocess.Popen(
        [*command, "-w", str(tmp_path / "w")], stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])}, start_new_session=True,
        # A test run in the background of a script inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (tmp_path / "w" / "features" / ".lock").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: parent and workers alike
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130, err
    assert "the same command goes on from there" in err and "Traceback" not in err


def test_an_unknown_encoder_is_refused_with_the_nearest(mraf, sample_videos):
    code, _, err = mraf("extract", sample_videos, "--face", "facenett")
    assert code == 2 and "Did you mean 'facenet'" in err


def test_output_that_nobody_reads_ends_quietly(trained):
    command = [sys.executable, "-m", "mraf", "features", "info", "-w", str(trained), "--json"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])},
    )  # fmt: skip
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait() == 141


def test_features_remove(mraf, trained, tmp_path):
    workspace = shutil.copytree(trained, tmp_path / "copy")
    code, out, _ = mraf("features", "remove", "person01", "-w", workspace, "--json")
    assert code == 0 and json.loads(out)["clips"] == 8
    code, out, _ = mraf("features", "info", "-w", workspace, "--json")
    assert json.loads(out)["speakers"] == 3


def test_version_and_doctor(mraf):
    code, out, _ = mraf("--version")
    assert code == 0 and re.fullmatch(r"mraf \d+\.\d+\.\d+\n", out)
    code, out, _ = mraf("doctor", "--json")
    findings = json.loads(out)
    assert code == 0 and findings["dlib encoder"] == findings["ge2e encoder"] == "works"
