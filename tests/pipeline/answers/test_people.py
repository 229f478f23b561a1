"""Who is named, from posteriors of a clip, its face and its voice."""

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.inference.prediction import References
from mraf.pipeline.answers.people import (
    Conflict,
    check_threshold,
    of_face_and_voice,
    of_voices,
    with_threshold,
)
from mraf.types import Posterior

ANN, BOB = [0.99, 0.005, 0.005], [0.005, 0.99, 0.005]
NOTHING = [np.nan] * 3


def posterior(*rows: tuple[list[float], float | None], threshold: float = 0.5) -> Posterior:
    """Posteriors of three speakers, and the probabilities that the person is enrolled."""
    known = np.array([np.nan if k is None else k for _, k in rows], np.float32)
    return Posterior(
        probability=np.array([p for p, _ in rows], np.float32),
        face_weight=np.ones(len(rows), np.float32),
        voice_weight=np.ones(len(rows), np.float32),
        known=known,
        threshold=np.where(np.isnan(known), np.nan, threshold).astype(np.float32),
    )


def answer(clip, face, voice, seconds=5.0, snr=30.0, references=None):
    return of_face_and_voice(posterior(clip, face, voice), seconds, snr, references)


def first(found) -> int:
    return int(found.probability.argmax())


def test_one_person_is_named_where_the_clip_is_known():
    found = answer((ANN, 0.99), (ANN, 0.9), (ANN, 0.9))
    assert (first(found), found.unknown, found.conflict) == (0, False, Conflict.NONE)
    assert found.known == pytest.approx(0.99)


def test_a_stranger_is_unknown():
    found = answer((ANN, 0.02), (ANN, 0.02), (BOB, 0.02))
    assert found.unknown and found.conflict is Conflict.NONE and found.known < 0.5


def test_a_stranger_s_voice_over_a_known_face_names_nobody():
    found = answer((ANN, 0.99), (ANN, 0.99), ([0.4, 0.3, 0.3], 0.01))
    assert found.unknown and found.conflict is Conflict.STRANGE_VOICE


@pytest.mark.parametrize("more", [{"seconds": 1.2}, {"snr": 4.0}])
def test_a_short_or_noisy_voice_does_not_make_a_known_person_unknown(more):
    found = answer((ANN, 0.99), (ANN, 0.99), ([0.4, 0.3, 0.3], 0.01), **more)
    assert not found.unknown and first(found) == 0 and found.conflict is Conflict.BY_FACE


def test_a_voice_that_is_not_recognised_is_told_where_the_face_names():
    found = answer((ANN, 0.99), (ANN, 0.99), (ANN, 0.2))
    assert not found.unknown and found.conflict is Conflict.BY_FACE
    assert answer((ANN, 0.99), (ANN, 0.2), (ANN, 0.99)).conflict is Conflict.NONE


def test_a_known_voice_over_a_stranger_s_face_is_named():
    found = answer((BOB, 0.2), (BOB, 0.01), (ANN, 0.97))
    assert not found.unknown and first(found) == 0 and found.conflict is Conflict.STRANGE_FACE
    assert found.known == pytest.approx(0.97)


def test_a_stranger_who_sounds_a_little_like_somebody_is_unknown():
    found = answer((ANN, 0.2), (ANN, 0.01), (ANN, 0.6))
    assert found.unknown and found.known == pytest.approx(0.2)


def test_two_known_people_are_named_by_the_voice():
    found = answer((BOB, 0.3), (BOB, 0.97), (ANN, 0.95))
    assert not found.unknown and first(found) == 0 and found.conflict is Conflict.TWO
    assert found.known == pytest.approx(0.95)


def test_a_doubtful_voice_of_somebody_else_does_not_name_the_known_face():
    found = answer((BOB, 0.7), (BOB, 0.97), (ANN, 0.3))
    assert found.unknown and found.conflict is Conflict.TWO


def test_two_people_who_are_both_recognised_are_named_by_the_voice_where_nothing_else_tells_them():
    found = answer((BOB, 0.1), ([0.3, 0.6, 0.1], 0.9), ([0.6, 0.3, 0.1], 0.9))
    assert not found.unknown and first(found) == 0 and found.conflict is Conflict.TWO


@pytest.mark.parametrize("seen", [0.2, 0.01])
def test_a_voice_alone_does_not_name_the_person_of_a_clip_that_is_not_known(seen):
    found = answer((BOB, 0.1), (BOB, seen), (ANN, 0.9))
    assert found.unknown and found.known == pytest.approx(0.1)
    assert not answer((BOB, 0.9), (BOB, seen), (ANN, 0.9)).unknown


def lacking(face=(), voice=()) -> References:
    return References(
        face=np.array([i not in face for i in range(3)]),
        voice=np.array([i not in voice for i in range(3)]),
    )


def test_a_person_whose_voice_the_model_lacks_is_named_by_the_face():
    strange = ([0.0, 0.5, 0.5], 0.001)
    found = answer((ANN, 0.98), (ANN, 0.98), strange, references=lacking(voice=[0]))
    assert not found.unknown and first(found) == 0 and found.conflict is Conflict.UNHEARD
    found = answer((ANN, 0.98), (ANN, 0.98), strange, references=lacking(voice=[1]))
    assert found.unknown and found.conflict is Conflict.STRANGE_VOICE
    # A voice that is recognised is another person's, and it is asked who speaks.
    found = answer((ANN, 0.98), (ANN, 0.98), (BOB, 0.97), references=lacking(voice=[0]))
    assert not found.unknown and first(found) == 1 and found.conflict is Conflict.TWO


def test_a_person_whose_face_the_model_lacks_is_named_by_the_voice():
    shown = ([0.0, 0.5, 0.5], 0.001)
    found = answer((ANN, 0.9), shown, (ANN, 0.9), references=lacking(face=[0]))
    assert not found.unknown and first(found) == 0 and found.conflict is Conflict.UNSEEN
    assert answer((ANN, 0.2), shown, (ANN, 0.2), references=lacking(face=[0])).unknown


def test_a_clip_without_a_voice_is_known_by_its_face():
    found = answer((ANN, 0.9), (ANN, 0.9), (NOTHING, None), seconds=0.0)
    assert not found.unknown and first(found) == 0


def test_a_stranger_s_voice_without_a_face_is_unknown_without_a_word_on_faces():
    found = answer((ANN, 0.01), (NOTHING, None), (ANN, 0.01))
    assert found.unknown and found.conflict is Conflict.NONE


def test_a_model_that_cannot_tell_strangers_names_everybody():
    found = answer((ANN, None), (ANN, None), (ANN, None))
    assert (found.known, found.threshold, found.unknown) == (None, None, False)


def voices(*rows):
    silent = (NOTHING, None)
    heard = posterior((ANN, 0.9), silent, (ANN, 0.9), *rows)
    return of_voices(heard, [3.0] * len(rows))


def test_the_known_one_of_several_voices_is_named():
    found = voices((BOB, 0.01), (ANN, 0.95))
    assert not found.unknown and first(found) == 0 and found.known == pytest.approx(0.95)
    assert found.probability[0] < 0.7  # a stranger speaks half of the time


def test_several_strangers_voices_are_unknown():
    found = voices((BOB, 0.01), (ANN, 0.05))
    assert found.unknown and found.known == pytest.approx(0.05)


def test_a_threshold_takes_the_place_of_the_model_s():
    plain = posterior((ANN, 0.3), (NOTHING, None))
    assert with_threshold(plain, None) is plain
    assert with_threshold(plain, 0.0).is_known.all()
    changed = with_threshold(plain, 0.2).threshold
    assert changed[0] == pytest.approx(0.2) and np.isnan(changed[1])


def test_a_threshold_of_one_stays():
    nobody = posterior((ANN, 0.5), (ANN, 0.5), threshold=1.0)
    assert not with_threshold(nobody, 0.3).is_known.any()
    assert with_threshold(nobody, 0.0).is_known.all()


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan"), float("inf")])
def test_a_threshold_is_a_probability(wrong):
    with pytest.raises(UsageError, match="--threshold .* from 0 .* to 1"):
        check_threshold(wrong)
    for right in (None, 0, 0.5, 1):
        check_threshold(right)
