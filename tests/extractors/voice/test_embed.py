import numpy as np
import pytest

from mraf.extractors.voice.embed import embed_voices
from mraf.extractors.voice.vad import Speech
from tests.helpers.media_files import tone


class Length:
    """An encoder whose vector is the number of samples."""

    name, dim = "length", 1

    def embed(self, waves: list[np.ndarray]) -> np.ndarray:
        return np.array([[len(wave)] for wave in waves], np.float32)


class Scripted:
    """A finder that finds speech of a given length in any sound."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def find(self, wave: np.ndarray) -> Speech:
        wave = np.ones(round(self.seconds * 16_000), np.float32)
        return Speech(wave=wave, probability=0.8, snr=12.5, seconds=self.seconds)


def embed_voice(wave, reason, finder, encoder):
    """The voice of one clip."""
    speech = None if wave is None else finder.find(wave)
    return embed_voices([(speech, reason)], encoder)[0]


def test_too_little_speech_is_not_embedded():
    result = embed_voice(tone(2.0), None, Scripted(0.9), Length())
    assert (result.vector, result.reason) == (None, "speech_too_short")
    assert result.seconds == pytest.approx(0.9)


def test_speech_is_embedded_with_its_seconds():
    result = embed_voice(tone(2.0), None, Scripted(1.5), Length())
    assert result.vector[0] == 24_000 and result.reason is None
    assert (result.seconds, result.quality, result.snr) == (1.5, 0.8, 12.5)


def test_pauses_do_not_count_as_speech():
    class Pausing:
        def find(self, wave: np.ndarray) -> Speech:
            return Speech(wave=np.ones(32_000, np.float32), probability=0.8, seconds=0.9)

    assert embed_voice(tone(2.0), None, Pausing(), Length()).reason == "speech_too_short"


@pytest.mark.parametrize("reason", ["no_audio", "decode_error"])
def test_without_sound_the_reason_is_handed_on(reason):
    assert embed_voice(None, reason, Scripted(1), Length()).reason == reason


def test_voices_of_several_clips_are_embedded_together_and_not_mixed_up():
    def speech(seconds: float) -> Speech:
        return Scripted(seconds).find(np.zeros(1))

    silent = Speech(wave=np.zeros(0, np.float32), probability=0.1)
    clips = [
        (speech(2), None),
        (None, "no_audio"),
        (silent, None),
        (speech(0.5), None),
        (speech(3), None),
    ]
    results = embed_voices(clips, Length())
    assert [None if r.vector is None else r.vector[0] for r in results] == [
        32e3,
        None,
        None,
        None,
        48e3,
    ]
    assert [r.reason for r in results] == [None, "no_audio", "no_speech", "speech_too_short", None]
    assert [r.seconds for r in results] == [2, 0, 0, 0.5, 3]
    assert embed_voices([], Length()) == []
