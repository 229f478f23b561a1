from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.linking.linked import faces_of
from mraf.pipeline.timeline.linking.links import Links
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.people.persons import people_of
from tests.helpers.scenes import PAIRS, Known, Said, Scene, Shot, dialogue

FOUR = [replace(each, heard=f"{each.who}{i // 10}") for i, each in enumerate(dialogue("AB", 20))]


def people(scene, *, naming=None, count=None, face=None):
    """Name, voices and faces of each person."""
    speech, seen = Speech.of(scene.voices()), scene.seen()
    faces = faces_of(seen, seen.group)
    none = np.full(len(speech), -1)
    links = Links(
        face=none if face is None else np.array(face),
        odds=np.zeros((len(speech), len(faces.seen))),
        by_lips=True,
    )
    found = people_of(
        speech, faces, links, naming=naming, pairs=PAIRS, count=count or SpeakerCount()
    )
    return sorted((each.name or "", each.voices, each.faces) for each in found)


def test_without_a_model_voices_and_faces_are_people_as_they_are_linked():
    scene = Scene(said=dialogue("AB", 4), shots=[Shot(start=0, stop=16, seen="AC")])
    assert people(scene, face=[0, -1]) == [("", (), (1,)), ("", (0,), (0,)), ("", (1,), ())]


def test_voices_and_faces_that_have_a_name_in_common_are_one_person():
    scene = Scene(said=FOUR, shots=[Shot(start=0, stop=80, seen="A")])
    found = people(scene, naming=Known("A"))
    assert found == [("", (1,), ()), ("", (3,), ()), ("A", (0, 2), (0,))]


def test_as_many_voices_stay_as_were_asked_for():
    found = people(Scene(said=FOUR), naming=Known("A"), count=SpeakerCount(speakers=4))
    assert [name for name, *_ in found] == ["", "", "", "A"]


def test_two_that_speak_over_each_other_are_two_people_whatever_their_names():
    said = [
        *FOUR,
        Said(start=81, stop=84, who="A", heard="A0"),
        Said(start=82, stop=85, who="A", heard="A1"),
    ]
    found = people(Scene(said=said), naming=Known("A"))
    assert [name for name, *_ in found] == ["", "", "", "A"]


def test_two_that_are_seen_at_once_are_two_people_whatever_their_names():
    class Same(Known):
        def __call__(self, looks):
            return [
                replace(each, name="A", probability=0.9, known=0.9)
                for each in super().__call__(looks)
            ]

    scene = Scene(said=[], shots=[Shot(start=0, stop=20, seen="AB")])
    assert [name for name, *_ in people(scene, naming=Same("A"))] == ["", "A"]


@pytest.mark.parametrize(("other", "one"), [("A", True), ("B", False)])
def test_two_of_one_name_are_one_person_where_they_are_alike(other, one):
    class Same(Known):
        def __call__(self, looks):
            return [
                replace(each, name="A", probability=0.9, known=0.9)
                for each in super().__call__(looks)
            ]

    said = [Said(start=0, stop=8, who="A", heard="x"), Said(start=9, stop=17, who=other, heard="y")]
    found = people(Scene(said=said), naming=Same("A"))
    assert len(found) == (1 if one else 2)
