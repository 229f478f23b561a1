import numpy as np
import pytest

from mraf.pipeline.timeline.linking.evidence import Turns, sight_of
from mraf.pipeline.timeline.linking.links import assigned, links_of, lips_tell
from mraf.pipeline.timeline.linking.looks import Named
from tests.helpers.scenes import Scene, Shot, dialogue, shots_of

TWO = dialogue("AB", 20)


@pytest.mark.parametrize(
    ("odds", "expected"),
    [
        ([[5, 1], [1, 5]], [0, 1]),
        ([[5, 4.9], [1, 1]], [-1, -1]),  # either face would do
        ([[5, 4], [5, 1]], [1, 0]),  # both want the first; together they fit so
        ([[5, -9], [5, -9]], [-1, -1]),  # either voice would do
        ([[8, -9], [5, -9]], [0, -1]),  # a face has one voice
        ([[0.5]], [-1]),
        ([[-3, 2]], [1]),
    ],
)
def test_each_face_has_one_voice_and_what_is_not_clear_is_not_told(odds, expected):
    assert assigned(np.array(odds, float)).tolist() == expected


def test_no_voices_or_no_faces_have_no_links():
    assert assigned(np.zeros((0, 3))).tolist() == [] and assigned(np.zeros((2, 0))).tolist() == [
        -1,
        -1,
    ]


def links(scene, names=None):
    seen, voices = scene.seen(), scene.voices()
    found = Turns.of(voices)
    looks = sight_of(found, seen, seen.group)
    return links_of(found, looks, len(voices.seconds), scene.duration, names)


def test_lips_tell_nothing_where_none_speaks():
    for scene, tells in (
        (Scene(said=TWO, shots=shots_of(TWO)), True),
        (Scene(said=TWO, shots=shots_of(TWO), drawn="AB"), False),
    ):
        seen = scene.seen()
        found = Turns.of(scene.voices())
        assert lips_tell(sight_of(found, seen, seen.group)) == tells
        assert links(scene).by_lips == tells


def test_names_link_what_nothing_else_does():
    scene = Scene(said=TWO, shots=[Shot(start=0, stop=80, seen="AB")], lips=False)
    ann, bob, nobody = (Named(name=name, known=0.9) for name in ("Ann", "Bob", None))
    assert links(scene).face.tolist() == [-1, -1]
    assert links(scene, ([ann, nobody], [ann, nobody])).face.tolist() == [0, -1]
    assert links(scene, ([ann, bob], [bob, ann])).face.tolist() == [1, 0]


def test_a_model_that_cannot_tell_strangers_links_nobody():
    scene = Scene(said=TWO, shots=[Shot(start=0, stop=80, seen="AB")], lips=False)
    ann, bob = (Named(name=name, probability=0.6) for name in ("Ann", "Bob"))
    assert links(scene, ([ann, bob], [bob, ann])).face.tolist() == [-1, -1]


def test_names_outdo_the_lips_of_one_turn_and_the_lips_of_many_outdo_names():
    ann, bob = (Named(name=name, known=0.9) for name in ("Ann", "Bob"))
    names = ([ann, bob], [bob, ann])
    seen = Scene(said=TWO, shots=[Shot(start=0, stop=80, seen="AB")])
    assert links(seen, names).face.tolist() == [0, 1]
    short = Scene(said=TWO[:2], shots=[Shot(start=0, stop=8, seen="AB")])
    assert links(short).face.tolist() == [0, 1] and links(short, names).face.tolist() == [1, 0]


def test_somebody_who_is_seen_as_often_without_a_voice_is_not_linked_with_it():
    cast = {"A": "A", "B": "A"}  # the camera stays with A
    assert links(Scene(said=TWO, shots=shots_of(TWO, cast), lips=False)).face.tolist() == [-1, -1]
    cast = {"A": "AC", "B": "BC"}  # C listens
    found = links(Scene(said=TWO, shots=shots_of(TWO, cast), lips=False))
    assert [*found.face.tolist()] == [0, 2]


def test_a_single_voice_over_a_single_face_tells_nothing_without_lips():
    said = dialogue("A", 10)
    assert links(
        Scene(said=said, shots=[Shot(start=0, stop=40, seen="A")], lips=False)
    ).face.tolist() == [-1]
    assert links(Scene(said=said, shots=[Shot(start=0, stop=40, seen="A")])).face.tolist() == [0]
