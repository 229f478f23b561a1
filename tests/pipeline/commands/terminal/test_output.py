"""Names that would act on a terminal are written out; JSON keeps them."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from mraf.pipeline.commands.extract.shown import show_extracted
from mraf.pipeline.commands.identify import show_identified
from mraf.pipeline.commands.terminal import output
from mraf.pipeline.commands.terminal.labels import show_left_out
from mraf.pipeline.extraction.run import ExtractReport, Failure, Missing
from mraf.pipeline.identification import Candidate, Evidence, Prediction

NAME = "a\nb\x1b[31m\x9b\r\x7f\u2028\udcff [bold]é آمنہ.mp4"
SHOWN = r"a\nb\x1b[31m\x9b\r\x7f\u2028\xff [bold]é آمنہ.mp4"


def test_the_summary_of_an_extraction(printed):
    failed = (Failure(clip=NAME, error=f"no {NAME}"),)
    missing = (Missing(clip=f"{NAME}2", face="no_face", voice=None, detail=NAME),)
    renamed = ((NAME, NAME),)
    report = ExtractReport(
        clips=2, embedded=2, reused=0, renamed=renamed, face_missing=0, voice_missing=0,
        face_reasons={}, voice_reasons={}, failed=failed, missing=missing, encoders="by",
        seconds=1.0,
    )  # fmt: skip
    text = printed(show_extracted, report, Path(NAME))
    assert text.count(SHOWN) == 7
    text = printed(show_left_out, {f".{NAME}": 1}, {NAME: 2}, {NAME: "closed"})
    assert text.splitlines() == [
        f"Left out: 1 file that is no video or sound (.{SHOWN} 1)",
        f"Left out: {SHOWN} 2",
        f"{SHOWN}: this folder cannot be listed (closed)",
    ]


def test_a_clip_that_is_identified_and_one_that_is_not(printed):
    lost = Evidence(present=False, reason="decode_error")
    unnamed = Prediction(
        path=NAME, speaker=None, probability=None, face=lost, voice=lost, error=NAME
    )
    text = printed(show_identified, unnamed)
    assert text == f"{SHOWN}\n  not identified: {SHOWN}\n\n"
    ranked = tuple(Candidate(speaker=NAME, probability=p) for p in (0.9, 0.1))
    named = Prediction(
        path=NAME, speaker=NAME, probability=0.9, candidates=ranked, face=lost, voice=lost
    )
    text = printed(show_identified, named)
    assert text.count(SHOWN) == 3


def test_lines_and_tables(printed):
    assert printed(output.say, NAME) == f"{SHOWN}\n"
    assert SHOWN in printed(output.show_rows, "title", ("",), [(NAME,)])


def test_json_stays_exact(printed):
    assert json.loads(printed(output.print_json, {"path": NAME})) == {"path": NAME}
    assert "آمنہ" in printed(output.print_json, {"path": "آمنہ"})


def test_errors_of_a_command(mraf):
    code, _, err = mraf("extract", "no\x1b[31mwhere")
    assert code == 2 and err == "mraf: no\\x1b[31mwhere: no such file or folder.\n"


@dataclass
class Figures:
    best: float
    all: tuple[float, ...]


def test_json_has_null_for_what_is_no_number(printed):
    nan, inf = float("nan"), float("inf")
    text = printed(output.print_json, Figures(nan, (0.5, -inf)))
    assert json.loads(text, parse_constant=pytest.fail) == {
        "best": None,
        "all": [0.5, None],
    }
    assert output.as_json({"a": [{"b": nan}], "c": 1}) == '{"a": [{"b": null}], "c": 1}'
