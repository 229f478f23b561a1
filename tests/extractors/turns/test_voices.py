import numpy as np
import pytest

from mraf.extractors.turns.segmentation import Piece
from mraf.extractors.turns.voices import group_alike, in_words, voices_of, voices_of_sides
from mraf.extractors.voice.embed import VoicePart, VoiceResult


class ByLevel:
    """An encoder for which loud and quiet sound are two people's."""

    name, dim, different = "level", 2, 0.4

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def embed(self, waves):
        self.seconds += [len(wave) / 16_000 for wave in waves]
        share = [np.clip(np.abs(wave).mean(), 0, 1) for wave in waves]
        return np.array([[s, 1 - s] for s in share], np.float32)


def speech(*parts: tuple[float, float]) -> np.ndarray:
    return np.concatenate([np.full(round(s * 16_000), v, np.float32) for s, v in parts])


class Scripted:
    """A segmentation of one piece: the first speaker is loud, the second quiet."""

    def __init__(self, at_once: int = 0) -> None:
        self.at_once = at_once

    def find(self, wave):
        loud = wave[495::270] > 0.5
        speaks = np.stack([loud, ~loud, np.zeros_like(loud)], axis=1)
        speaks[: self.at_once, :2] = True
        return [Piece(start=0, stop=len(wave), speaks=speaks)]


def test_two_people_one_after_the_other_are_two_voices_in_their_order():
    (first, second), overlap, _ = voices_of(speech((6, 0.0), (6, 1.0)), ByLevel())
    assert overlap == 0 and np.allclose(first.vector, [0, 1]) and np.allclose(second.vector, [1, 0])
    assert first.vector.dtype == np.float32 and first.seconds == pytest.approx(6, abs=0.1)


def test_one_person_has_no_voices_and_short_speech_is_not_compared():
    encoder = ByLevel()
    assert voices_of(speech((9, 1.0)), encoder) == ((), 0, ())
    encoder.seconds.clear()
    assert voices_of(speech((2.5, 0.0), (2.5, 1.0)), encoder) == ((), 0, ())
    assert encoder.seconds == []


def test_long_speech_costs_no_more_than_eight_stretches():
    encoder = ByLevel()
    voices_of(speech((120, 1.0)), encoder)
    assert encoder.seconds == [3.0] * 8


def test_a_segmentation_finds_the_change_in_short_speech():
    wave = speech((2.4, 1.0), (2.6, 0.0))
    assert voices_of(wave, ByLevel())[0] == ()
    voices = voices_of(wave, ByLevel(), Scripted()).voices
    assert [voice.vector.argmax() for voice in voices] == [0, 1]
    assert voices_of(speech((2.4, 1.0), (1.0, 0.0)), ByLevel(), Scripted())[0] == ()  # too short
    assert voices_of(wave, ByLevel(), Scripted(at_once=60))[1] == pytest.approx(60 * 270 / 16_000)


class Mistaken:
    """A segmentation that takes the first second of the quiet one for the loud one."""

    def find(self, wave):
        loud = wave[495::270] > 0.5
        loud[: round(16_000 / 270)] = True
        speaks = np.stack([loud, ~loud, np.zeros_like(loud)], axis=1)
        return [Piece(start=0, stop=len(wave), speaks=speaks)]


def test_a_second_taken_for_the_other_does_not_mix_the_voices():
    heard = voices_of(speech((3.0, 0.0), (3.0, 1.0)), ByLevel(), Mistaken())
    shares = [voice.vector[0] for voice in heard.voices]
    assert shares == pytest.approx([0, 1], abs=0.02)  # the quiet one is heard first


def test_where_changes_tell_no_voices_apart_windows_are_compared():
    class Deaf:
        def find(self, wave):
            silence = np.zeros(((len(wave) - 495) // 270, 3), bool)
            return [Piece(start=0, stop=len(wave), speaks=silence)]

    assert len(voices_of(speech((4, 0.0), (4, 1.0)), ByLevel(), Deaf()).voices) == 2


def test_parts_that_are_somewhat_alike_are_perhaps_two_voices():
    class Alike(ByLevel):
        def embed(self, waves):
            angle = [np.arccos(0.5) * np.abs(wave).mean() for wave in waves]
            return np.array([[np.cos(a), np.sin(a)] for a in angle], np.float32)

    heard = voices_of(speech((6, 0.0), (6, 1.0)), Alike())
    assert heard.voices == () and len(heard.perhaps) == 2
    assert voices_of(speech((12, 1.0)), Alike()).perhaps == ()


def test_the_sides_of_a_telephone_call():
    loud, quiet = speech((3, 1.0)), speech((3, 0.0))
    left, right = voices_of_sides([loud, quiet], ByLevel())
    assert (left.side, right.side) == ("left", "right") and np.allclose(left.vector, [1, 0])
    assert voices_of_sides([loud, loud], ByLevel()) == ()
    assert voices_of_sides([loud, speech((1, 0.0))], ByLevel()) == ()


def test_groups_are_joined_as_long_as_they_are_alike():
    vectors = np.array([[1, 0, 0], [0.9, 0.436, 0], [0, 0, 1], [0.95, 0.312, 0]])
    assert group_alike(vectors, np.ones(4), 0.4) == [[0, 1, 3], [2]]
    assert group_alike(vectors, np.ones(4), -1) == [[0, 1, 2, 3]]


def test_words():
    def heard(*sides: str | None, overlap: float = 0.0) -> tuple[str, ...]:
        parts = [VoicePart(vector=np.ones(1), seconds=3, side=side) for side in sides]
        return in_words(VoiceResult(voices=tuple(parts), overlap=overlap))

    assert heard() == heard(overlap=0.3) == ()
    assert heard(None, None) == ("two voices are heard",)
    assert heard(None, None, None) == ("3 voices are heard",)
    assert heard("left", "right", overlap=1.2) == (
        "two voices are heard, one on the left and one on the right",
        "two people speak at once for 1.2 s",
    )
