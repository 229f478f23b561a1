from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.linking.correcting import corrected
from mraf.pipeline.timeline.linking.links import Links
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.seen.tracks import coherence, unit_mean
from tests.helpers.scenes import PAIRS, Said, Scene, Shot, dialogue
from tests.pipeline.timeline.linking.test_correcting import parts


def speech_of(said, **more):
    return Speech.of(Scene(said=said, **more).voices())


def test_a_turn_beside_the_others_of_its_voice():
    said = [
        *dialogue("AB", 7),
        Said(start=30, stop=30.5, who="A"),
        Said(start=31, stop=34, who="C"),
    ]
    speech = speech_of(said)
    turns = speech.turns
    for i in range(len(turns)):
        others = (turns.voice == turns.voice[i]) & (np.arange(len(turns)) != i)
        vectors, seconds = turns.vectors[others], turns.seconds[others]
        mean = unit_mean(vectors, seconds)
        told = mean is not None and np.isfinite(turns.vectors[i]).all()
        cosine = turns.vectors[i] @ mean * coherence(vectors, seconds) if told else None
        assert speech.beside_others(i) == (pytest.approx(cosine, abs=1e-5) if told else None)
    assert [speech.beside_others(i) for i in (7, 8)] == [None, None]  # too short; the only one


def test_the_work_for_a_mouth_that_moves_does_not_grow_with_the_file():
    """Each turn beside which a face without a voice moved its lips went over all turns of its voice."""
    said = [
        Said(start=4.0 * i, stop=4 * i + 3.6, who="N", lips=[f"face {i % 5}"]) for i in range(60)
    ]
    shots = [Shot(start=4 * i, stop=4 * i + 4, seen=[f"face {i % 5}"]) for i in range(60)]
    speech, sight, _ = parts(Scene(said=said, shots=shots))
    looked: list[int] = []

    class Watched(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **options):
            looked.append(max(np.size(each) for each in inputs))
            plain = [np.asarray(each) for each in inputs]
            return getattr(ufunc, method)(*plain, **options)

    turns = replace(speech.turns, vectors=speech.turns.vectors.view(Watched))
    links = Links(face=np.array([-1]), odds=np.zeros((1, sight.people)), by_lips=True)
    found, _ = corrected(replace(speech, turns=turns), sight, links, PAIRS, SpeakerCount())
    assert (sight.odds > 0).sum() > 50 and found.present.sum() == 1
    assert 0 < sum(looked) < 10 * speech.turns.vectors.size


def test_a_voice_keeps_no_vector_of_turns_that_it_has_lost():
    said = [*dialogue("AB", 2), Said(start=9, stop=9.5, who="A")]
    speech = speech_of(said)
    found = speech.reassigned(np.array([1, 1, 0]))
    assert np.isnan(found.vectors[0]).all() and np.isfinite(found.vectors[1]).all()
    assert found.seconds.tolist() == pytest.approx([0.5, 7.2])
