import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mraf import Workspace, cli
from mraf.errors import UsageError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.pipeline.commands.extract.shown import show_extracted
from mraf.pipeline.commands.terminal.labels import show_left_out
from mraf.pipeline.extraction.run import ExtractReport, Failure, Missing, Noted
from tests.helpers.media_files import corners, tone, write_media

PACKAGED = ["--face", "dlib", "--voice", "campplus"]


def report(*missing: Missing, failed: tuple[Failure, ...] = ()) -> ExtractReport:
    """The report of an extraction in which these clips lack something."""
    return ExtractReport(
        clips=99, embedded=99, reused=0, renamed=(), face_missing=0, voice_missing=0,
        face_reasons={}, voice_reasons={}, failed=failed, missing=missing, encoders="encoders",
        seconds=1.0,
    )  # fmt: skip


def test_clips_without_a_face_or_a_voice_are_named_with_the_reason(printed):
    found = report(
        Missing(clip="a", face="no_face", voice="no_speech", detail=None),
        Missing(clip="b", face="decode_error", voice=None, detail="pictures of [9] x 9 pixels"),
        Missing(clip="c", face="decode_error", voice="decode_error", detail="cut off"),
        failed=(Failure(clip="c", error="cut off"),),
    )
    assert printed(show_extracted, found, Path("w")).splitlines()[-5:] == [
        "1 could not be read:",
        "  c: cut off",
        "2 without a face or a voice:",
        "  a: no face found; no speech heard",
        "  b: picture cannot be read (pictures of [9] x 9 pixels)",
    ]


def test_a_reason_says_that_only_the_beginning_was_read(printed):
    lacking = {"clip": "a", "face": "no_face", "voice": "no_speech", "detail": None}
    found = report(Missing(**lacking, seconds=3600.0, seconds_read=120.0))
    line = printed(show_extracted, found, Path("w")).splitlines()[-1]
    part = "in the first 10 min of 1 h"
    assert line == f"  a: no face found {part}; no speech heard {part}"


def test_notes_of_clips_that_lack_nothing_are_shown(printed):
    found = replace(report(), noted=(Noted(clip="a", note="two voices are heard"),))
    lines = printed(show_extracted, found, Path("w")).splitlines()
    assert lines[-2:] == [
        "1 with a face and a voice, and something to know:",
        "  a: two voices are heard",
    ]
    as_dict = {"clip": "a", "note": "two voices are heard", "turns": False}
    assert found.as_dict()["noted"] == (as_dict,)


def test_files_that_were_cut_into_turns_are_counted_and_told(printed):
    noted = Noted(clip="talk.mp4", note="41 turns of 3 people", turns=True)
    reasons = {"face_missing": 5, "face_reasons": {"not_seen_speaking": 5}}
    found = replace(report(), files_by_turns=1, turns=41, noted=(noted,), **reasons)
    lines = printed(show_extracted, found, Path("w")).splitlines()
    assert "  turns  41 in 1 file: each is a row of the table" in lines
    assert "  face   134 of 139  (5 not seen speaking)" in lines
    assert lines[-2:] == ["1 cut into turns:", "  talk.mp4: 41 turns of 3 people"]


def test_of_many_clips_the_first_twenty_are_named(printed):
    many = [Missing(clip=f"clip{i}", face="no_face", voice=None, detail=None) for i in range(23)]
    text = printed(show_extracted, report(*many), Path("w"))
    assert "23 without a face or a voice:" in text
    assert text.count("no face found") == 20 and "... and 3 more (all with --json)" in text


def test_a_run_in_which_nothing_is_missing_says_no_more(printed):
    assert "without" not in printed(show_extracted, report(), Path("w"))


def test_clips_that_are_gone_and_speakers_under_other_names_are_told(printed):
    found = replace(report(), gone=("ann/1.mp4", "b"), renamed_speakers={"bob": "Robert"})
    text = printed(show_extracted, found, Path("w"))
    assert "2 clips of the table are gone from the disk (the first: ann/1.mp4)" in text
    assert "`mraf rename` gave them: bob is now Robert" in text
    assert {"gone", "renamed_speakers"} < found.as_dict().keys()
    assert "gone" not in printed(show_extracted, report(), Path("w"))


def test_many_endings_are_cut_off(printed):
    text = printed(show_left_out, {f".{number}": 1 for number in range(9)}, {}, {})
    assert "9 files that are no video" in text and text.endswith(".7 1, ...)\n")


def test_a_second_extraction_re_uses_everything(mraf, sample_videos, extracted):
    code, out, _ = mraf("extract", sample_videos, "-w", extracted, "--json")
    report = json.loads(out)
    assert code == 0 and (report["clips"], report["reused"], report["embedded"]) == (32, 32, 0)
    wanted = (
        "clips embedded reused face_missing voice_missing failed encoders seconds clips_per_second"
    )
    assert set(wanted.split()) <= set(report)


def test_ugly_input_gives_marked_rows_and_the_run_goes_on(mraf, sample_clip, tmp_path):
    folder = tmp_path / "videos" / "آمنہ 'q' \"x\""
    folder.mkdir(parents=True)
    shutil.copy(sample_clip(face="seen", sound="speech"), folder / "good one.mp4")
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
    assert code == 1 and "7 re-used" in out and out.count("text.mp4") == 1
    assert "text.mp4: not a video or sound file that can be opened" in out
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


def test_other_files_and_closed_folders_are_listed(mraf, tmp_path, monkeypatch):
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


def test_names_that_are_not_utf_8_are_extracted_and_identified(mraf, sample_clip, trained):
    folder = Path(os.fsdecode(b"videos/caf\xe9"))
    folder.mkdir(parents=True)
    good = folder / os.fsdecode(b"\xff.mp4")
    shutil.copy(sample_clip(face="seen", sound="speech"), good)
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


def test_mixing_encoders_is_refused(mraf, trained, sample_videos, sample_clip, monkeypatch):
    from mraf.extractors import encoders

    monkeypatch.setattr(encoders.EncoderSpec, "version", property(lambda self: "other"))
    code, _, err = mraf("extract", sample_videos, "-w", trained, *PACKAGED)
    assert code == 2 and "cannot be compared" in err and "another workspace" in err
    code, _, err = mraf("identify", sample_clip(face="seen"), "-w", trained)
    assert code == 2 and "trained on vectors of face=dlib@" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--address", "auto"], "--address belongs to --engine ray"),
        (["--gpus-per-worker", "0.5"], "--gpus-per-worker belongs to --engine ray"),
        (["--workers", "300"], "at most 256 processes"),
        (["--engine", "ray", "--workers", "0"], "--workers 0 works in this process"),
        (["--engine", "ray", "--device", "cuda"], "say --gpus-per-worker"),
        (["--engine", "ray", "--device", "cpu", "--gpus-per-worker", "1"], "exclude each other"),
        (["--engine", "ray", "--gpus-per-worker", "1.5"], "a share of one GPU"),
        (["--engine", "spark"], "'spark' is not one of 'local', 'ray'"),
    ],
)
def test_options_of_the_engines_are_checked_before_anything_is_read(mraf, options, message):
    code, _, err = mraf("extract", "nowhere", *options)
    assert code == 2 and message in err


def test_ctrl_c_keeps_what_is_done(sample_videos, tmp_path):
    command = [sys.executable, "-m", "mraf", "extract", str(sample_videos), *PACKAGED]
    child = subprocess.Popen(
        [*command, "--workers", "1", "-w", str(tmp_path / "w")], stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])}, start_new_session=True,
        # A test run in the background of a script inherits that SIGINT is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    children = Path(f"/proc/{child.pid}/task/{child.pid}/children")
    # The resource tracker of multiprocessing comes first, the worker second.
    while child.poll() is None and len(children.read_text().split()) < 2:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does: parent and workers alike
    _, err = child.communicate()
    assert child.returncode == 130, err
    assert re.search("the same command goes on from there", err) and "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "rai"], "'rai' is not one of 'local', 'ray'"),
        (["--address", "auto"], "--address belongs to --engine ray"),
        (["--gpus-per-worker", "1"], "--gpus-per-worker belongs to --engine ray"),
        (["--engine", "ray", "--workers", "0"], "--workers 0"),
        (["--engine", "ray", "--device", "cuda"], "--gpus-per-worker 0.25"),
        (["--engine", "ray", "--device", "cpu", "--gpus-per-worker", "1"], "exclude each other"),
        (["--workers", "300"], "at most 256"),
        (["--engine", "ray", "--gpus-per-worker", "1.5"], "a whole number of them"),
    ],
)
def test_options_that_do_not_go_together(mraf, tmp_path, options, said):
    code, out, err = mraf("extract", tmp_path / "videos", *options)
    assert (code, out) == (2, "") and said in err


def test_it_says_where_a_precision_is_slow_and_refuses_what_cannot_be(mraf, tmp_path, monkeypatch):
    write_media(tmp_path / "clip.mp4", frames=np.zeros((5, 48, 64, 3), np.uint8))
    known = frozenset(["avx2", "avx512bw"])
    monkeypatch.setattr("mraf.extractors.processor.flags", lambda: known)

    def stop(*_, **__):
        raise UsageError("far enough")

    monkeypatch.setattr("mraf.pipeline.extraction.extract.extract_clips", stop)
    pair = EncoderPair(face=EncoderSpec(name="dlib"), voice=EncoderSpec(name="campplus"))
    monkeypatch.setattr("mraf.pipeline.extraction.extract.choose", lambda *_, **__: pair)
    code, _, err = mraf("extract", tmp_path / "clip.mp4", "--precision", "bfloat16", "-w", "new")
    assert code == 2 and "far enough" in err
    assert "bfloat16 is slower than single precision on this processor" in err
    assert "slower" not in mraf("extract", tmp_path / "clip.mp4", "-w", "new")[2]
    known = frozenset(["avx2"])
    code, _, err = mraf("extract", tmp_path / "clip.mp4", "--precision", "bfloat16", "-w", "new")
    assert code == 2 and "neither AMX nor AVX-512" in err and "far enough" not in err


def test_an_encoder_of_an_earlier_version_is_named_so(mraf, tmp_path):
    code, _, err = mraf("extract", tmp_path, "--voice", "ge2e")
    assert code == 2 and "GE2E was an encoder of earlier versions of mraf" in err
    assert "campplus" in err


def test_parts_and_unknown_columns_of_a_manifest(mraf, tmp_path):
    (tmp_path / "a.mp4").write_text("this is no video")
    rows = "a.mp4,0:01,2.5,Ann\na.mp4,2.5,,Bob\n"
    (tmp_path / "m.csv").write_text(f"video,start,end,speker\n{rows}")
    code, out, err = mraf("extract", "--manifest", "m.csv", *PACKAGED, "--workers", "0", "--json")
    assert code == 1 and "this column is not used: 'speker' (did you mean 'speaker'?)" in err
    assert [each["clip"] for each in json.loads(out)["failed"]] == ["a.mp4#1-2.5", "a.mp4#2.5-"]
    found = {row.clip: (row.start, row.end) for row in Workspace.at().table.rows()}
    assert found == {"a.mp4#1-2.5": (1.0, 2.5), "a.mp4#2.5-": (2.5, None)}
    (tmp_path / "m.csv").write_text("video,end\na.mp4,later\n")
    code, _, err = mraf("extract", "--manifest", "m.csv", *PACKAGED)
    assert code == 2 and "m.csv, line 2: the end 'later' is no time" in err
