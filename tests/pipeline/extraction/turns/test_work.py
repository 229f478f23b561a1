"""The turns of a file are found with the numbers of its own encoders."""

from types import SimpleNamespace

import pytest

from mraf.data.clips.clip import Clip
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.weights import PACKAGED
from mraf.pipeline.extraction.turns import work
from mraf.pipeline.timeline.observation.networks import Networks


@pytest.mark.parametrize("voice", ["ecapa", "campplus"])
def test_voices_are_told_apart_by_the_numbers_of_their_encoder(monkeypatch, tmp_path, voice):
    asked = {}
    seen = SimpleNamespace(duration=1.0, notes=(), problems=())
    monkeypatch.setattr(work, "observe", lambda *_, **__: seen)
    monkeypatch.setattr(work, "assembled", lambda *_, **options: asked.update(options))
    monkeypatch.setattr(work, "turns_of_file", lambda *_: "turns")
    pair = EncoderPair(
        face=EncoderSpec(name="dlib"), voice=EncoderSpec(name=voice, sha256="a" * 64)
    )
    networks = Networks(pair=pair, segmentation=PACKAGED, lr_asd=None, device="cpu")
    find = work._Finder(networks, ExtractOptions(), tmp_path)
    assert find(Clip("a", tmp_path / "a.mp4"), "digest", lambda *_: None) == "turns"
    assert asked["voice"] == voice
