import pytest

from mraf.pipeline.answers.answer import Evidence
from mraf.pipeline.answers.words import first_part, length, reason_in_words, why_nothing


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (45, "45 s"), (120, "2 min"), (125.2, "2 min 5 s"), (3899, "1 h 5 min"), (7200, "2 h")],
)  # fmt: skip
def test_lengths_of_time(seconds, words):
    assert length(seconds) == words


def test_reasons_say_what_was_looked_at():
    assert reason_in_words("no_face") == "no face found"
    assert reason_in_words("no_face", 3600, 120) == "no face found in the first 10 min of 1 h"
    assert reason_in_words("no_speech", None, 120) == "no speech heard in the first 10 min"
    assert reason_in_words("no_face", 540, 120) == "no face found"  # all was looked at
    assert (
        reason_in_words("face_too_small", 540, 120) == "face too small in the first 2 min of 9 min"
    )
    assert reason_in_words("no_audio", 3600, 120) == "no sound"  # known without looking
    assert first_part(100, 120) is None and first_part(540, None) is None


def test_a_clip_without_face_and_voice_says_what_was_looked_at():
    face, voice = (
        Evidence(present=False, reason="no_face"),
        Evidence(present=False, reason="no_speech"),
    )
    assert why_nothing(face, voice) == "nothing to identify: no face found, and no speech heard"
    said = why_nothing(face, voice, 3600, 120)
    assert said.count("in the first 10 min of 1 h") == 2
    said = why_nothing(Evidence(present=True), voice, 3600, 120)
    assert said == (
        "the model has learned no faces, and there is no voice in the first 10 min of 1 h"
    )
