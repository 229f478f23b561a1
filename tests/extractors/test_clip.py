import os

import numpy as np
import pytest

from extractors import clip as module
from extractors.clip import ClipExtractor, ExtractOptions
from extractors.encoders import EncoderPair, EncoderSpec
from extractors.media import read_video
from tests.media_files import corners, tone, write_media


@pytest.fixture
def extractor(monkeypatch):
    """Without its networks."""
    monkeypatch.setattr(module, "FaceFinder", lambda *_: None)
    monkeypatch.setattr(module, "SpeechFinder", lambda: None)
    monkeypatch.setattr(module.encoders, "build", lambda *args: None)
    pair = EncoderPair(EncoderSpec("dlib"), EncoderSpec("ge2e"))
    extractor = ClipExtractor(pair, ExtractOptions(frames=3, max_seconds=1.0))
    yield extractor
    extractor.close()


def test_clips_are_decoded_in_a_child_process_by_the_options(extractor, tmp_path, monkeypatch):
    path = write_media(tmp_path / "clip.mp4", np.repeat(corners()[None], 50, 0), tone(2.0))
    expected = read_video(path, 3, 1.0)
    monkeypatch.setattr("extractors.media.read_video", lambda *args: pytest.fail("decoded here"))
    media = extractor.read(path, None, None)
    assert np.array_equal(media.frames, expected.frames)
    assert np.array_equal(media.wave, expected.wave)


def test_close_ends_the_child_process(extractor):
    pid = extractor._decoder.pid
    os.kill(pid, 0)
    extractor.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
