"""The truth of composed videos: shots, files, and repeats."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.timelines.clips import Take
from benchmarks.timelines.shots import LEFT, RIGHT, Pane, Shot, Voice, sound_of, truth_of
from benchmarks.timelines.truth import read_rttm, read_truth


def take(name: str) -> Take:
    box = np.tile(np.array([90, 90, 180, 180], np.float32), (20, 1))
    return Take(
        path=Path(f"{name}.mp4"),
        speaker=name,
        seconds=4.0,
        size=(360, 360),
        speech=((0.5, 2.0), (3.0, 4.0)),
        boxes=box,
    )


ANN, BOB = take("ann"), take("bob")
BESIDE = Shot(
    kind="sides",
    seconds=4.0,
    panes=(Pane(take=ANN, cell=LEFT), Pane(take=BOB, cell=RIGHT)),
    voices=(Voice(take=ANN), Voice(take=BOB, since=2.5)),
)
OUTSIDE = Shot(kind="outside", seconds=4.0, voices=(Voice(take=BOB),))


def test_speech_and_faces_of_shots() -> None:
    truth = truth_of([OUTSIDE, BESIDE], enrol={}, strangers=())
    assert [(x.start, x.stop, x.speaker, x.face) for x in truth.said] == [
        (0.5, 2.0, "bob", None),
        (3.0, 4.0, "bob", None),
        (4.5, 6.0, "ann", 0),
        (7.0, 8.0, "ann", 0),
        (7.0, 8.0, "bob", 1),
    ]
    # 360 x 360 pixels fill the width of half of the picture: 640 x 640 pixels from y = 40 on.
    assert truth.faces[0].at(4.0) == pytest.approx((160 / 1280, 200 / 720, 320 / 1280, 360 / 720))
    assert truth.faces[1].at(4.0) == pytest.approx((800 / 1280, 200 / 720, 960 / 1280, 360 / 720))
    assert truth.faces[0].at(3.0) is None


def test_out_of_step_and_late_sound() -> None:
    truth = truth_of([OUTSIDE], enrol={}, strangers=(), step=0.25, late=1.0)
    assert [(x.start, x.stop) for x in truth.said] == [(1.0, 2.25), (3.25, 4.0)]


def test_what_is_said_before_a_voice_is_heard_is_not_true() -> None:
    wave = np.full(64_000, 0.5, np.float32)
    whole = sound_of([BESIDE], {"ann.mp4": 0 * wave, "bob.mp4": wave}, seed=0, step=0.0)
    assert np.abs(whole[:40_000]).max() < 0.01
    assert whole[40_000:].min() > 0.49
    later = sound_of([BESIDE], {"ann.mp4": 0 * wave, "bob.mp4": wave}, seed=0, step=0.5)
    assert np.abs(later[:48_000]).max() < 0.01 and len(later) == 64_000


def test_files(tmp_path: Path) -> None:
    truth = truth_of([BESIDE], enrol={"ann": ("a.mp4",)}, strangers=("bob",), step=0.2)
    truth.write(tmp_path / "x.mp4")
    assert read_truth(tmp_path / "x.json") == truth
    read = read_rttm(tmp_path / "x.rttm")
    assert [each.speaker for each in read] == [each.speaker for each in truth.said]
    assert [each.stop for each in read] == pytest.approx([each.stop for each in truth.said])


def test_repeats() -> None:
    truth = truth_of([BESIDE], enrol={}, strangers=()).repeated(3)
    assert truth.duration == 12
    assert [x.start for x in truth.said if x.speaker == "bob"] == [3.0, 7.0, 11.0]
    assert [x.face for x in truth.said if x.speaker == "bob"] == [1, 3, 5]
    assert truth.faces[5].at(8.5) == truth.faces[1].at(0.5)
