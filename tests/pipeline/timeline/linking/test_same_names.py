from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.linking.linked import faces_of
from mraf.pipeline.timeline.linking.looks import Named, one_name
from mraf.pipeline.timeline.linking.same_names import join_named, named_alike
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from tests.helpers.scenes import PAIRS, Said, Scene, Shot, dialogue

ANN, NOBODY = Named(name="Ann", probability=0.99, known=0.98), Named(known=0.1)
HALVES = [replace(each, heard=f"{each.who}{i // 6}") for i, each in enumerate(dialogue("AB", 12))]


def voices(said, *names, count=None):
    """The voices that are left."""
    speech = Speech.of(Scene(said=said).voices())
    return int(join_named(speech, names, PAIRS, count or SpeakerCount()).present.sum())


def test_two_voices_of_one_name_that_are_alike_are_one():
    assert voices(HALVES, ANN, NOBODY, ANN, NOBODY) == 3
    assert voices(HALVES, ANN, NOBODY, NOBODY, NOBODY) == 4
    assert voices(HALVES, ANN, ANN, NOBODY, NOBODY) == 4  # they sound of two people
    assert voices(HALVES, ANN, NOBODY, ANN, NOBODY, count=SpeakerCount(speakers=4)) == 4


def test_two_that_speak_at_once_are_two():
    said = [
        *HALVES,
        Said(start=50, stop=53, who="A", heard="A0"),
        Said(start=51, stop=54, who="A", heard="A1"),
    ]
    names = {"A0": 0, "B0": 1, "B1": 2, "A1": 3}
    assert voices(said, *(ANN if name.startswith("A") else NOBODY for name in names)) == 4


def test_the_surer_a_name_the_less_alike_two_need_to_be():
    sure = replace(ANN, known=0.999)
    assert one_name(sure, sure) == 3 and 1.5 < one_name(ANN, replace(ANN, known=0.9)) < 2.5
    assert one_name(replace(ANN, known=None), ANN) == 0
    assert one_name(ANN, NOBODY) == one_name(NOBODY, NOBODY) == 0
    assert one_name(ANN, replace(ANN, name="Bob")) == 0
    assert one_name(replace(ANN, known=0.5), replace(ANN, known=0.5)) == 0


@pytest.mark.parametrize(("seen", "expected"), [("AA", [(0, 1)]), ("AB", [])])
def test_two_faces_of_one_name_that_are_alike_are_one(seen, expected):
    shots = [Shot(start=4 * i, stop=4 * i + 4, seen=who) for i, who in enumerate(seen)]
    made = Scene(said=[], shots=shots).seen()
    faces = faces_of(made, np.array([0, 1]))
    assert named_alike(faces, [ANN, ANN], PAIRS) == expected
    assert named_alike(faces, [ANN, NOBODY], PAIRS) == []
    apart = replace(faces, apart=frozenset({(0, 1)}))
    assert named_alike(apart, [ANN, ANN], PAIRS) == []
