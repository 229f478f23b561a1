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
from mraf.pipeline.timeline.observation.progress import Progress


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


def test_it_is_told_that_a_decoder_gives_nothing(monkeypatch, tmp_path, told):
    def quiet(*_, on_progress, **__):
        for is_waiting in (False, True):
            some = {"speed": 1.0, "left": 1.0, "reused": 0.0, "is_waiting": is_waiting}
            on_progress(Progress(done=70.0, duration=90.0, **some))
        raise BusyError("enough")

    monkeypatch.setattr(work, "observe", quiet)
    seconds = []
    with pytest.raises(BusyError):
        finder(tmp_path)(
            Clip("a", tmp_path / "a.mp4"), "digest", lambda *each: seconds.append(each)
        )
    assert seconds == [(70.0, 90.0)]
    assert [(each.done, each.waiting) for each in told] == [(70.0, "waits for the decoder")]


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
