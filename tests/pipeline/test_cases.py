"""Files as people have them, made from real clips by `cases/make.py` in the shared folder.

Each case must name the right person, or say why not: in its notes, its reasons or its error. A is
spk02, B is spk03. The tests of `extractors` make the same kinds of files without real faces.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass

import pytest

from mraf import Identifier
from mraf.data.clips.folders import find_clips
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.training.train import train
from tests.conftest import SHARED

pytestmark = [pytest.mark.shared, pytest.mark.weights]

A, B = "spk02", "spk03"


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The answer that is due."""

    speaker: str | None = A
    face: bool | None = True  # present; None: either
    voice: bool | None = True
    says: str = ""  # a pattern in notes, reasons or error
    less_than: float = 1.01  # bound of the probability


SEES, HEARS = {"voice": False}, {"face": False}

CASES: dict[str, Expected] = {
    # channels and tracks
    "right_only.mp4": Expected(),
    "antiphase.mp4": Expected(),
    "c51_loud.mkv": Expected(),
    "obs_mic_second.mkv": Expected(says="track 2"),
    "dub_bitrate.mp4": Expected(says="track 1"),
    "commentary_first.mkv": Expected(says="track 2"),
    "ad_first.mkv": Expected(says="track 2"),
    "apac.mov": Expected(says="track 1"),
    "apac2_first.mov": Expected(says="track 2"),
    "two_programs.ts": Expected(says="programme"),
    # two people are heard, or another one is seen
    "phone_lr.wav": Expected(**HEARS, speaker=None, says="two (voices|people)"),
    "a_then_b.wav": Expected(**HEARS, speaker=None, says="two (voices|people)"),
    "overlap.wav": Expected(**HEARS, speaker=None, says="two (voices|people)"),
    "host_then_guest.mp4": Expected(speaker=B, says="first 2 min"),
    "reaction.mp4": Expected(says=f"{B}.*{A}|{A}.*{B}", less_than=0.995),
    "voiceover.mp4": Expected(says=f"{B}.*{A}|{A}.*{B}", less_than=0.995),
    "broll.mp4": Expected(),
    "grid.mp4": Expected(face=None),
    # level, offset, place of the speech
    "quiet40.wav": Expected(**HEARS),
    "dc.wav": Expected(**HEARS),
    "late_voice.wav": Expected(**HEARS, says="min"),
    "sparse.wav": Expected(**HEARS),
    # covers
    "cover_m4a.m4a": Expected(**HEARS),
    "cover_mp3.mp3": Expected(**HEARS),
    "video_with_cover.mp4": Expected(),
    # pictures
    "rot90.mp4": Expected(),
    "screen180.mp4": Expected(),
    "screen120.mp4": Expected(),
    "hdr_pq.mp4": Expected(),
    "vfr.mp4": Expected(),
    "glasses.mp4": Expected(**SEES),
    "late_face.mp4": Expected(face=None),
    "mjpeg_exif1.avi": Expected(**SEES),
    # files
    "mkv_cut.mkv": Expected(),
    "no_moov.mp4": Expected(speaker=None, face=False, voice=False, says="index is missing"),
    "still.mp4": Expected(),
    "audio_late.mp4": Expected(),
    "plain.mp4": Expected(),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder of the cases."""
    script = SHARED / "cases" / "make.py"
    if not script.is_file():
        pytest.skip(f"no {script} (set MRAF_SHARED to the folder that holds cases/)")
    folder = tmp_path_factory.mktemp("cases")
    environment = {**os.environ, "CASES_OUT": str(folder)}
    subprocess.run([sys.executable, script], env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def who(real_videos, packaged, tmp_path_factory):
    """A model of all people, without the two clips that the cases are made of."""
    used = {f"{name}/English/v1/00001.mp4" for name in (A, B)}
    clips = [clip for clip in find_clips([real_videos]) if clip.id not in used]
    folder = tmp_path_factory.mktemp("workspace")
    extract_clips(clips, workspace=folder, encoders=packaged, worker_count=2)
    train(folder, holdout=0)
    with Identifier(folder) as identifier:
        yield identifier


def test_every_case_is_expected(made):
    assert {path.name for path in made.iterdir() if path.name != "CASES.tsv"} == CASES.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_right_person_is_named_or_the_reason_is_given(name, made, who):
    answer, due = who(made / name), CASES[name]
    said = "\n".join(filter(None, (*answer.notes, answer.error)))
    assert due.speaker in (None, answer.speaker), said
    assert due.face in (None, answer.face.present), answer.face.reason
    assert due.voice in (None, answer.voice.present), answer.voice.reason
    assert re.search(due.says, said, re.I | re.S), said or "nothing is said"
    if answer.probability is not None:
        assert answer.probability < due.less_than
        if due.less_than < 1:  # both people are shown
            assert {A, B} <= {each.speaker for each in answer.candidates}
