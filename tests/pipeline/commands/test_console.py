import io
import json

import pytest
from rich.console import Console

from mraf.pipeline.commands import console
from mraf.pipeline.extraction.run import ExtractProgress, ExtractReport, Failure, Missing


@pytest.fixture
def shown(monkeypatch):
    """The summary of an extraction in which these clips lack something."""

    def show(*missing, failed=()):
        out = Console(width=200, record=True, quiet=False, soft_wrap=True)
        monkeypatch.setattr(console, "out", out)
        report = ExtractReport(
            clips=99,
            embedded=99,
            reused=0,
            renamed=(),
            face_missing=0,
            voice_missing=0,
            face_reasons={},
            voice_reasons={},
            failed=tuple(failed),
            missing=tuple(missing),
            encoders="encoders",
            seconds=1.0,
        )
        console.extracted(report, "w")
        return out.export_text()

    return show


def test_clips_without_a_face_or_a_voice_are_named_with_the_reason(shown):
    text = shown(
        Missing("a", "no_face", "no_speech", None),
        Missing("b", "decode_error", None, "pictures of [9] x 9 pixels"),
        Missing("c", "decode_error", "decode_error", "cut off"),
        failed=[Failure("c", "cut off")],
    )
    assert text.splitlines()[-5:] == [
        "1 could not be read:",
        "  c: cut off",
        "2 without a face or a voice:",
        "  a: no face found; no speech heard",
        "  b: picture cannot be read (pictures of [9] x 9 pixels)",
    ]


def test_of_many_clips_the_first_twenty_are_named(shown):
    text = shown(*(Missing(f"clip{i}", "no_face", None, None) for i in range(23)))
    assert "23 without a face or a voice:" in text
    assert text.count("no face found") == 20 and "... and 3 more (all with --json)" in text


def test_a_run_in_which_nothing_is_missing_says_no_more(shown):
    assert "without" not in shown()


def test_numbers_that_json_has_not_are_null(capsys):
    console.print_json({"mean": float("nan"), "more": [{"loss": float("inf")}, 0.5]})
    assert json.loads(capsys.readouterr().out) == {"mean": None, "more": [{"loss": None}, 0.5]}


def test_the_bar_counts_files_that_are_read_before_clips_that_are_done(monkeypatch):
    out = Console(force_terminal=True, width=120, file=io.StringIO())
    monkeypatch.setattr(console, "err", out)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    counts = {"clips": 9, "reused": 0, "face_missing": 0, "voice_missing": 0, "failed": 0}
    for hashed, done, shown in ((4, 0, "Reading"), (0, 5, "Extracting")):
        with console.extract_bar(False) as show:
            show(ExtractProgress(hashed=hashed, done=done, **counts))
        text = out.file.getvalue()
        assert shown in text and f"{hashed or done}/9" in text
