import json

import pytest

from mraf.pipeline.people.compare import Alike, Comparison

FACE_ONLY = Comparison(
    a="a.mp4",
    b="b.mp4",
    same=True,
    verdict="same person",
    probability=0.97,
    face=Alike(probability=0.97, cosine=0.712),
    voice=Alike(missing=("b.mp4: no sound",)),
    notes=("a.mp4: [1] of 2",),
)


@pytest.fixture
def answered(monkeypatch):
    monkeypatch.setattr("mraf.pipeline.people.compare.compare", lambda *_, **__: FACE_ONLY)


def test_the_verdict_and_its_grounds_are_shown(mraf, answered):
    code, out, _ = mraf("compare", "a.mp4", "b.mp4")
    assert code == 0 and out.splitlines() == [
        "same person  (97 % that the person is the same)",
        "  face   97 % that they are one person's (cosine 0.71)",
        "  voice  not compared: b.mp4: no sound",
        "  note a.mp4: [1] of 2",
    ]


def test_json_is_one_object(mraf, answered):
    code, out, _ = mraf("compare", "a.mp4", "b.mp4", "--json")
    shown = json.loads(out)
    assert code == 0 and shown["same"] is True and shown["verdict"] == "same person"
    assert shown["voice"] == {"probability": None, "cosine": None, "missing": ["b.mp4: no sound"]}


def test_files_that_are_not_there_are_an_error_of_usage(mraf):
    code, _, err = mraf("compare", "a.mp4", "b.mp4")
    assert code == 2 and "a.mp4: is not there" in err
