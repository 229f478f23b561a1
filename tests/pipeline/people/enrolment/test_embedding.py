"""Clips as samples of a person."""

import numpy as np

from mraf.data.table.features import FeatureTable
from mraf.extractors.extractor import Extracted, ExtractOptions
from mraf.extractors.face.embed import FaceResult
from mraf.extractors.voice.embed import VoicePart, VoiceResult
from mraf.pipeline.people.enrolment.embedding import Encoding, clips_of, samples_of
from mraf.pipeline.people.enrolment.samples import judged
from tests.helpers.timeline_maker import PAIR


def sample(tmp_path, *perhaps: VoicePart):
    """A sound file of 12 s in which `perhaps` may be heard."""
    (tmp_path / "a.wav").write_bytes(b"sound")
    voice = VoiceResult(
        vector=np.ones(192, np.float32), quality=0.9, seconds=11.0, snr=30.0, perhaps=perhaps
    )
    found = Extracted(face=FaceResult(reason="no_video"), voice=voice)
    encoding = Encoding(
        fingerprint=ExtractOptions().fingerprint(PAIR), extractor=lambda: lambda *_: found
    )
    clips = clips_of(tmp_path / "a.wav", start=None, end=None)
    (one,) = judged(list(samples_of(clips, FeatureTable(tmp_path / "t"), encoding, "Ann")))
    return one


def test_a_voice_that_may_be_two_peoples_is_enrolled_with_a_note(tmp_path):
    """Two of the real speakers' voices are alike enough to pass for one in 12 s of both."""
    part = VoicePart(vector=np.ones(192, np.float32), seconds=3.0)
    found = sample(tmp_path, part, part)
    assert found.row is not None and "may be two people's" in (found.note or "")
    assert sample(tmp_path).note is None
