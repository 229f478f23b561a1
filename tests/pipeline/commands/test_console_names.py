"""What a person sees of names that would act on a terminal."""

import json
from pathlib import Path

import pytest

from mraf.data.clips.manifest import Found
from mraf.pipeline.commands import console
from mraf.pipeline.extraction.run import ExtractReport, Failure, Missing
from mraf.pipeline.identification import Candidate, Evidence, Prediction

NAME = "a\nb\x1b[31m\x9b\r\x7f\u2028\udcff [bold]é آمنہ.mp4"
SHOWN = r"a\nb\x1b[31m\x9b\r\x7f\u2028\xff [bold]é آمنہ.mp4"


@pytest.fixture
def printed(capsys):
    """What a function of the console prints."""

    def run(show, *arguments):
        show(*arguments)
        found = capsys.readouterr()
        return found.out + found.err

    return run


def test_the_summary_of_an_extraction(printed):
    failed = (Failure(NAME, f"no {NAME}"),)
    missing = (Missing(f"{NAME}2", "no_face", None, NAME),)
    renamed = ((NAME, NAME),)
    report = ExtractReport(
        clips=2,
        embedded=2,
        reused=0,
        renamed=renamed,
        face_missing=0,
        voice_missing=0,
        face_reasons={},
        voice_reasons={},
        failed=failed,
        missing=missing,
        encoders="by",
        seconds=1.0,
    )
    text = printed(console.extracted, report, Path(NAME))
    assert text.count(SHOWN) == 7
    found = Found([], {f".{NAME}": 1}, ((NAME, "closed"),))
    text = printed(console.beside, found)
    assert text.splitlines() == [
        f"Left out: 1 file that is no video or sound (.{SHOWN} 1)",
        f"{SHOWN}: this folder cannot be listed (closed)",
    ]


def test_a_clip_that_is_identified_and_one_that_is_not(printed):
    lost = Evidence(present=False, reason="decode_error")
    text = printed(
        console.identified,
        Prediction(path=NAME, speaker=None, probability=None, face=lost, voice=lost, error=NAME),
    )
    assert text == f"{SHOWN}\n  not identified: {SHOWN}\n\n"
    ranked = (Candidate(NAME, 0.9), Candidate(NAME, 0.1))
    text = printed(
        console.identified,
        Prediction(
            path=NAME, speaker=NAME, probability=0.9, candidates=ranked, face=lost, voice=lost
        ),
    )
    assert text.count(SHOWN) == 3


def test_lines_and_tables(printed):
    assert printed(console.say, NAME) == f"{SHOWN}\n"
    assert SHOWN in printed(console.rows, "title", ("",), [(NAME,)])


def test_many_endings_are_cut_off(printed):
    text = printed(console.beside, Found([], {f".{number}": 1 for number in range(9)}))
    assert "9 files that are no video" in text and text.endswith(".7 1, ...)\n")


def test_json_stays_exact(printed):
    assert json.loads(printed(console.print_json, {"path": NAME})) == {"path": NAME}
    assert "آمنہ" in printed(console.print_json, {"path": "آمنہ"})


def test_errors_of_a_command(mraf):
    code, _, err = mraf("extract", "no\x1b[31mwhere")
    assert code == 2 and err == "mraf: no\\x1b[31mwhere: no such file or folder.\n"
