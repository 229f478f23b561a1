"""The command line as a whole: exit codes, errors, help, completion."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mraf import cli

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(cli.__file__).parents[1])}


def test_the_three_commands_of_the_readme(mraf, sample_videos, tmp_path):
    shutil.copytree(sample_videos, tmp_path / "videos")
    code, out, err = mraf("extract", "videos/", "--face", "dlib", "--voice", "campplus")
    assert code == 0 and "32 clips in mraf-workspace/features: 32 new, 0 re-used" in out
    assert "Traceback" not in err and "Warning" not in err
    code, out, _ = mraf("train")
    assert code == 0 and "Model prototypes: 4 speakers, 32 clips" in out
    assert "32 training clips named right by models that had not trained on their recordings" in out
    assert "calibration error" in out and "note" not in out
    with (sample_videos / "sample.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["speaker"] == "person02"]
    clip = next(row["path"] for row in rows if (row["face"], row["sound"]) == ("seen", "speech"))
    code, out, _ = mraf("identify", Path("videos", clip))
    assert code == 0 and re.search(r"person02\s+(\d+\.\d|over 99) %", out)
    assert re.search(r"face +weight 0\.\d\d, in \d frames", out)
    card = Path("mraf-workspace/models/prototypes/README.md").read_text()
    assert "person02" in card and "$" not in card


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
        (["train", "--preset", "papr"], 2, "'papr' is not one of 'default', 'cosine', 'paper'"),
        (
            ["train", "--preset", "paper"],
            2,
            "'prototypes' has no preset 'paper'.*--model-type mraf",
        ),
        (
            ["train", "--model-type", "prototype"],
            2,
            "'prototype' is not one of 'prototypes', 'mraf'",
        ),
        (["train", "--holdout", "0.95"], 2, "--holdout"),
        (["train", "--name", "../x"], 2, "cannot name a model"),
        (["evaluate"], 3, "no model here yet"),
        (["evaluate", "--mode", "all"], 2, "'all' is not one of 'single', 'setting', 'cross'"),
        (["identify", "nowhere.mp4"], 2, "no such file"),
        (["features", "info"], 3, "no features here yet"),
        (["weights", "get", "facenett"], 2, "'facenett' is not one of 'facenet', 'ecapa'"),
        (["extract", "x", "--face", "facenett"], 2, "'facenett' is not one of .*'facenet'"),
        (["train", "--device", "gpu"], 2, "'gpu' cannot be used here"),
        (["idntify", "x"], 2, "No such command 'idntify'. Did you mean 'identify'"),
        (["features", "exprt", "x"], 2, "Did you mean 'export'"),
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


def test_help_is_quick_to_make_and_imports_nothing_heavy():
    code = "import sys; from mraf import cli; cli._run(['--help']); print('|', *sorted({'torch','numpy','av','cv2','rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "identify" in done.stdout and done.stdout.rstrip().endswith("|")


def test_output_that_nobody_reads_ends_quietly(trained):
    command = [sys.executable, "-m", "mraf", "features", "info", "-w", str(trained), "--json"]
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait() == 141


def test_version(mraf):
    code, out, _ = mraf("--version")
    assert code == 0 and re.fullmatch(r"mraf \d+\.\d+\.\d+\n", out)


def test_help_shows_choices(mraf):
    for command, choices in {
        ("extract",): (
            "<auto|facenet|dlib>",
            "<auto|ecapa|campplus>",
            "<auto|cpu|cuda>",
            "<local|ray>",
        ),
        ("train",): ("<prototypes|mraf|fop>", "<default|cosine|paper|authors>"),
        ("evaluate",): ("<single|setting|cross>",),
        ("weights", "get"): ("facenet|ecapa|campplus|segmentation|lr-asd",),
        ("polysim", "import"): ("<v1|v2|v3>",),
        ("polysim", "dev"): ("<prototypes|mraf|fop>", "<default|cosine|paper|authors>"),
        ("polysim", "ablate"): ("<fusion|missing|ratio|prototypes>",),
        ("polysim", "submit"): ("<val|test>",),
    }.items():
        code, out, _ = mraf(*command, "--help")
        assert code == 0 and all(choice in out for choice in choices), command


@pytest.fixture
def bash(tmp_path):
    """Run a script in bash as a new user, for whom `mraf` is on the path."""
    program = tmp_path / "bin" / "mraf"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m mraf "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"

    def run(script: str) -> str:
        # `exit` last: bash would replace itself by the last command, and that is no shell.
        done = subprocess.run(
            ["bash", "--norc", "-c", f"{script}\nexit $?"], capture_output=True, text=True,
            check=True, env=ENVIRONMENT | {"HOME": str(tmp_path), "PATH": path},
        )  # fmt: skip
        return done.stdout

    return run


def test_completion_is_installed_into_bash(bash, tmp_path):
    assert "bash completion installed" in bash("mraf --install-completion")
    assert ".bash_completions/mraf.sh" in (tmp_path / ".bashrc").read_text()
    offered = bash(
        "source ~/.bashrc\n"
        "complete -p mraf\n"
        "COMP_WORDS=(mraf extract --face ''); COMP_CWORD=3; _mraf_completion mraf\n"
        'echo "${COMPREPLY[@]}"'
    )
    assert offered.splitlines() == [
        "complete -o default -F _mraf_completion mraf",
        "auto facenet dlib",
    ]


def test_completion_is_shown_for_bash(bash):
    assert "_MRAF_COMPLETE=complete_bash" in bash("mraf --show-completion")
