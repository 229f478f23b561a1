"""`mraf polysim verify` as a person uses it: what is printed, the exit codes, the JSON."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mraf.errors import MissingError
from mraf.pipeline.commands.polysim_verify import show_verified
from mraf.pipeline.polysim import verify as module
from mraf.pipeline.polysim.agreement import Agreement, Cosines
from mraf.pipeline.polysim.verify import VerifyReport
from tests.helpers.polysim_files import Layout

NONE = Cosines(n=0, median=None, p5=None)
FACE = Agreement(
    verdict="the same",
    found=Cosines(n=40, median=0.9987, p5=0.9512),
    whole=Cosines(n=50, median=0.9123, p5=0.8),
    not_found=Cosines(n=10, median=0.8765, p5=0.7),
    strangers=0.1234,
    reasons={"no_face": 10},
    unpublished=0,
)
VOICE = Agreement(
    verdict="not measured",
    found=NONE,
    whole=NONE,
    not_found=NONE,
    strangers=None,
    reasons={},
    unpublished=50,
)
REPORT = VerifyReport(
    root=Path("polysim"),
    version="v1",
    encoders="face=facenet@28 voice=ecapa@05",
    seed=3,
    samples={"English": 25, "Urdu": 25},
    passed_over=0,
    folders=(Path("polysim"), Path("polysim/media")),
    face=FACE,
    voice=VOICE,
    problems=(),
    notes=("voice: compared in 0 of the clips only",),
    seconds=1.0,
)


def test_cosines_verdicts_and_reasons_are_printed(printed):
    text = printed(show_verified, REPORT)
    assert "25 English, 25 Urdu clips, seed 3" in text and REPORT.encoders in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "face found in the jpg 40 0.9987 0.9512",
        "whole jpg as the face 50 0.9123 0.8000",
        "of these, no face found 10 0.8765 0.7000",
        "speech found in the wav 0 - -",
        "face: the same as the published vectors (published vectors of two different speakers: "
        "median 0.1234)",
        "no face found: 10",
        "voice: not measured",
        "no published vector: 50",
        "note voice: compared in 0 of the clips only",
    ):
        assert line in lines
    assert "of these, too little speech" not in text and "Passed over" not in text


def test_what_is_missing_or_broken_is_printed(printed):
    text = printed(show_verified, replace(REPORT, passed_over=7, problems=("a.jpg: broken",)))
    assert (
        "Passed over 7 clips whose files are not there (looked in polysim, polysim/media)" in text
    )
    assert "a.jpg: broken" in text


@pytest.mark.parametrize(("problems", "code"), [((), 0), (("a.jpg: broken",), 1)])
def test_exit_codes_and_json(mraf, monkeypatch, problems, code):
    asked = []

    def run(root, version, **options):
        asked.append((root, version, options["samples"], options["seed"], options["media"]))
        return replace(REPORT, problems=problems)

    monkeypatch.setattr(module, "verify", run)
    found, out, _ = mraf(
        "polysim", "verify", "here", "--samples", 9, "--media", "there", "--version", "v2", "--json"
    )
    report = json.loads(out)
    assert found == code and asked == [(Path("here"), "v2", 9, 1, Path("there"))]
    assert report["face"]["found"] == {"n": 40, "median": 0.9987, "p5": 0.9512}
    assert report["voice"]["found"]["median"] is None and report["problems"] == list(problems)
    found, out, _ = mraf("polysim", "verify", "here")
    assert found == code and "face: the same as the published vectors" in out


def test_missing_media_end_with_code_3(mraf, tmp_path):
    Layout(tmp_path / "polysim", speakers=2, tests=2).write().add_media_paths()
    code, out, err = mraf("polysim", "verify", "polysim")
    assert code == MissingError.exit_code == 3 and not out
    assert "no wav and no jpg file is there" in err and "--media" in err
    code, out, _ = mraf("polysim", "verify", "polysim", "--json")
    assert code == 3 and "no wav and no jpg" in json.loads(out)["error"]
    assert mraf("polysim", "verify", "nowhere")[0] == 2
