"""The turns of a file are found with the numbers of its own encoders."""

from types import SimpleNamespace

import pytest

from mraf.data.clips.clip import Clip
from mraf.errors import BusyError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.weights import PACKAGED
from mraf.pipeline.commands.terminal.bars import _underway
from mraf.pipeline.extraction.turns import work
from mraf.pipeline.extraction.turns.telling import listen
from mraf.pipeline.timeline.observation.networks import Networks


def finder(folder, voice="campplus"):
    pair = EncoderPair(
        face=EncoderSpec(name="dlib"), voice=EncoderSpec(name=voice, sha256="a" * 64)
    )
    networks = Networks(pair=pair, segmentation=PACKAGED, lr_asd=None, device="cpu")
    return work._Finder(networks, ExtractOptions(), folder)


@pytest.fixture
def told():
    found = []
    listen(found.append)
    yield found
    listen(None)


def test_it_is_told_for_whom_a_worker_waits(monkeypatch, tmp_path, told):
    def busy(*_, on_wait, **__):
        on_wait("waits for another `mraf timeline` (process 7), which is writing to x")
        raise BusyError("enough")

    monkeypatch.setattr(work, "observe", busy)
    with pytest.raises(BusyError):
        finder(tmp_path)(Clip("a", tmp_path / "a.mp4"), "digest", lambda *_: None)
    assert [(each.clip, each.waiting[:30]) for each in told] == [
        ("a", "waits for another `mraf timeli")
    ]
    assert _underway(SimpleNamespace(underway=told[0])).startswith(", a waits for another")


@pytest.mark.parametrize("voice", ["ecapa", "campplus"])
def test_voices_are_told_apart_by_the_numbers_of_their_encoder(monkeypatch, tmp_path, voice):
    asked = {}
    seen = SimpleNamespace(duration=1.0, notes=(), problems=())
    monkeypatch.setattr(work, "observe", lambda *_, **__: seen)
    monkeypatch.setattr(work, "assembled", lambda *_, **options: asked.update(options))
    monkeypatch.setattr(work, "turns_of_file", lambda *_: "turns")
    find = finder(tmp_path, voice)
    assert find(Clip("a", tmp_path / "a.mp4"), "digest", lambda *_: None) == "turns"
    assert asked["voice"] == voice
