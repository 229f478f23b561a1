"""Timelines of described scenes: see `tests.helpers.scenes`."""

import base64
from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from tests.helpers.scenes import (
    Known,
    Said,
    Scene,
    Shot,
    checked,
    dialogue,
    shots_of,
    vector,
)

TWO = dialogue("AB", 20)
BESIDE = [Shot(start=0, stop=80, seen="AB")]
with_and_without_lips = pytest.mark.parametrize("lips", [True, False], ids=["lips", "no lips"])


def people(found) -> dict[str, tuple]:
    """Name, what named them, seconds of speech and of being seen, whole."""
    return {
        each.name: (each.named_by, round(each.seconds), round(each.seen_seconds))
        for each in found.timeline.people
    }


@with_and_without_lips
def test_people_who_speak_in_turn_with_cuts_have_their_faces(lips):
    scene = Scene(said=TWO, shots=shots_of(TWO), lips=lips)
    found = scene.assembled(["A"])
    assert people(found) == {
        "A": ("face and voice", 36, 40),
        "unknown 1": (None, 36, 40),
    }
    assert checked(scene, found).speaker == checked(scene, found).face == 1
    assert found.timeline.size == (640, 360) and len(found.timeline.cuts) == 19
    assert base64.b64decode(found.timeline.people[0].picture) == b"jpeg of A"
    known = found.timeline.people[0]
    assert (known.unknown, known.probability > 0.5, known.known) == (False, True, 0.99)


def test_of_two_side_by_side_lips_tell_who_speaks():
    scene = Scene(said=TWO, shots=BESIDE)
    found = scene.assembled()
    assert list(people(found)) == ["unknown 1", "unknown 2"]
    assert checked(scene, found).face == 1


def test_without_lips_two_side_by_side_have_no_voice_but_by_name():
    scene = Scene(said=TWO, shots=BESIDE, lips=False)
    found = scene.assembled()
    assert all(turn.track is None for turn in found.timeline.turns)
    assert "weights of LR-ASD" in found.timeline.notes[0]
    named = scene.assembled(["A", "B"])
    assert list(people(named)) == ["A", "B"] and checked(scene, named).face == 1


def test_the_silent_one_of_two_side_by_side_is_a_person_who_says_nothing():
    said = dialogue("A", 10)
    found = Scene(said=said, shots=[Shot(start=0, stop=40, seen="AB")]).assembled()
    assert people(found) == {"unknown 1": (None, 36, 40), "unknown 2": (None, 0, 40)}


def test_a_voice_from_outside_the_picture_has_no_face():
    said = dialogue("NAB", 30)
    scene = Scene(said=said, shots=shots_of(said, {"N": "AB"}))
    found = scene.assembled()
    assert checked(scene, found).face == 1 and len(people(found)) == 3


def test_a_listener_whose_mouth_moves_does_not_take_a_voice_from_outside():
    said = [replace(each, lips="A" if each.who == "N" else "") for each in dialogue("NAB", 30)]
    scene = Scene(said=said, shots=shots_of(said, {"N": "A"}))
    found = scene.assembled()
    assert checked(scene, found).face == 1 and len(people(found)) == 3


def test_a_voice_over_many_who_move_their_mouths_is_nobodys_of_them():
    said = [replace(each, lips="ABCDE"[i % 5]) for i, each in enumerate(dialogue("N", 20))]
    shots = [Shot(start=4 * i, stop=4 * i + 4, seen="ABCDE"[i % 5]) for i in range(20)]
    found = Scene(said=said, shots=shots).assembled()
    assert all(turn.track is None for turn in found.timeline.turns)
    assert len(people(found)) == 6


@with_and_without_lips
def test_strangers_who_are_shown_between_take_no_voice(lips):
    shots = [
        Shot(start=4 * i, stop=4 * i + 4, seen="C" if i % 5 == 4 else "AB"[i % 2])
        for i in range(20)
    ]
    scene = Scene(said=TWO, shots=shots, lips=lips)
    found = scene.assembled(["A", "B"])
    assert people(found) == {
        "A": ("face and voice", 36, 32),
        "B": ("face and voice", 36, 32),
        "unknown 1": (None, 0, 16),
    }
    assert checked(scene, found).face == 1


def test_one_face_all_the_time_while_two_speak_is_the_face_of_the_one_whose_lips_move():
    scene = Scene(said=TWO, shots=[Shot(start=0, stop=80, seen="A")])
    assert checked(scene, scene.assembled()).face == 1
    without = replace(scene, lips=False).assembled()
    assert all(turn.track is None for turn in without.timeline.turns)


@with_and_without_lips
def test_a_still_picture_speaks_for_nobody(lips):
    found = Scene(
        said=dialogue("N", 20), shots=[Shot(start=0, stop=80, seen="P")], lips=lips, drawn="P"
    ).assembled()
    assert people(found) == {"unknown 1": (None, 72, 0), "unknown 2": (None, 0, 80)}
    if lips:
        assert "nobody is seen speaking" in found.timeline.notes[0]


def test_drawn_faces_are_linked_by_when_they_are_seen():
    scene = Scene(said=TWO, shots=shots_of(TWO), drawn="AB")
    assert checked(scene, scene.assembled()).face == 1


def test_faces_too_small_for_their_lips_are_linked_by_when_they_are_seen():
    scene = Scene(said=TWO, shots=shots_of(TWO), small="B")
    assert checked(scene, scene.assembled()).face == 1


def test_a_podcast_has_people_without_faces():
    found = Scene(said=TWO).assembled(["B"])
    assert people(found) == {"unknown 1": (None, 36, 0), "B": ("voice", 36, 0)}
    assert found.timeline.size is None and found.timeline.tracks == ()
    assert found.timeline.notes == ()


def test_a_film_without_speech_has_people_without_voices():
    found = Scene(said=[], shots=[Shot(start=0, stop=80, seen="AB")]).assembled(["A"])
    assert people(found) == {"A": ("face", 0, 80), "unknown 1": (None, 0, 80)}
    assert found.timeline.turns == ()


def test_an_empty_file_says_so():
    found = Scene(said=[], shots=[Shot(start=0, stop=10)]).assembled(["A"])
    assert found.timeline.people == ()
    assert found.timeline.notes == ("nobody is heard, and nobody is seen",)


@with_and_without_lips
def test_twenty_people(lips):
    cast = [f"p{i}" for i in range(20)]
    said = dialogue(cast, 100)
    scene = Scene(said=said, shots=shots_of(said), lips=lips)
    found = scene.assembled(cast[:10])
    assert list(people(found)) == [*cast[:10], *(f"unknown {i}" for i in range(1, 11))]
    assert checked(scene, found) == type(checked(scene, found))(speaker=1, face=1)


@with_and_without_lips
def test_a_reporter_who_is_seen_once(lips):
    later = [
        replace(each, start=each.start + 46, stop=each.stop + 46) for each in dialogue("AB", 10)
    ]
    said = [*dialogue("AB", 10), Said(start=40, stop=46, who="R"), *later]
    scene = Scene(said=said, shots=shots_of(said), lips=lips)
    found = scene.assembled(["R"])
    assert people(found)["R"] == ("face and voice", 6, 6) and checked(scene, found).face == 1


def test_one_voice_that_two_are_seen_to_have_is_split():
    scene = Scene(said=[replace(each, heard="A") for each in TWO], shots=BESIDE)
    found = scene.assembled(["B"])
    assert checked(scene, found).speaker == 1 and people(found)["B"] == ("face and voice", 36, 80)
    asked = scene.assembled(count=SpeakerCount(speakers=1))
    assert len([each for each in asked.timeline.people if each.seconds]) == 1
    assert (
        len([e for e in scene.assembled(count=SpeakerCount(most=1)).timeline.people if e.seconds])
        == 1
    )


def test_two_voices_that_one_is_seen_to_have_are_joined():
    said = [replace(each, heard=f"{each.who}{i // 10}") for i, each in enumerate(TWO)]
    scene = Scene(said=said, shots=BESIDE)
    assert checked(scene, scene.assembled()).speaker == 1
    kept = scene.assembled(count=SpeakerCount(speakers=4))
    assert len([each for each in kept.timeline.people if each.seconds]) == 4


def test_a_narrator_is_not_split_by_the_mouths_that_move():
    said = [replace(each, lips="AB"[i % 2]) for i, each in enumerate(dialogue("N", 20))]
    shots = [Shot(start=4 * i, stop=4 * i + 4, seen="AB"[i % 2]) for i in range(20)]
    found = Scene(said=said, shots=shots).assembled()
    assert len([each for each in found.timeline.people if each.seconds]) == 1


def test_turns_that_the_voice_got_wrong_are_put_right_by_the_lips():
    said = [replace(each, heard="A") if i in (3, 7, 11) else each for i, each in enumerate(TWO)]
    scene = Scene(said=said, shots=BESIDE)
    assert checked(scene, scene.assembled()).speaker == 1
    blind = replace(scene, lips=False)
    assert checked(blind, blind.assembled()).speaker < 0.9


def test_short_turns_of_nobodys_voice_are_those_of_the_face_that_speaks():
    said = [replace(each, stop=each.start + (1.4 if i % 3 else 3.5)) for i, each in enumerate(TWO)]
    scene = Scene(said=said, shots=BESIDE, short=2.0)
    found = scene.assembled()
    assert checked(scene, found).speaker == 1
    blind = replace(scene, lips=False).assembled()
    assert "s of speech are of nobody that can be told" in " ".join(blind.timeline.notes)


def test_somebody_who_says_one_short_thing_in_the_picture_is_a_person():
    said = [*TWO, Said(start=80, stop=81.5, who="C")]
    scene = Scene(said=said, shots=[*BESIDE, Shot(start=80, stop=82, seen="C")], short=2.0)
    found = scene.assembled()
    assert checked(scene, found).speaker == 1 and len(people(found)) == 3


@pytest.mark.parametrize("late", [0.24, -0.16, -0.24])
@pytest.mark.parametrize("cuts", [False, True])
def test_sound_and_picture_out_of_step_are_put_in_step(late, cuts):
    said = [replace(each, start=each.start + 1, stop=each.stop + 1) for each in TWO]
    shots = shots_of(said) if cuts else [Shot(start=0, stop=82, seen="AB")]
    scene = Scene(said=said, shots=shots, late=late)
    found = scene.assembled()
    assert checked(scene, found).face == 1
    order = "after" if late > 0 else "before"
    assert f"{abs(late):.2f} s {order} the picture" in found.timeline.notes[0]
    # Where they are heard, and not where they are seen.
    for turn, each in zip(found.timeline.turns, said, strict=True):
        assert turn.start == pytest.approx(each.start + late, abs=0.1)
        assert turn.end == pytest.approx(each.stop + late, abs=0.1)
    assert found.late == late
    assert not cuts or [turn.faces for turn in found.turns][:10] == [2] * 10


@pytest.mark.parametrize("late", [0.24, -0.24])
def test_a_turn_within_the_shift_of_a_cut_is_that_of_the_face_before_it(late):
    said = [
        *dialogue("AB", 10),
        Said(start=40, stop=40.6, who="A"),
        Said(start=41, stop=44, who="B"),
    ]
    shots = [
        *shots_of(said[:10]),
        Shot(start=40, stop=40.6, seen="A"),
        Shot(start=40.6, stop=44, seen="B"),
    ]
    scene = Scene(said=said, shots=shots, late=late)
    found = scene.assembled().timeline
    assert checked(scene, scene.assembled()).face == 1
    short = found.turns[-2]
    assert found.tracks[short.track].times[0] == pytest.approx(40, abs=0.1)


def test_a_face_without_a_vector_has_nobody():
    said = dialogue("A", 10)
    found = Scene(said=said, shots=[Shot(start=0, stop=40, seen="AB")], blank="B").assembled()
    assert [track.speaker for track in found.timeline.tracks] == ["unknown 1", None]


def test_a_glimpse_of_a_face_is_no_person_but_one_with_a_name_is():
    shots = [Shot(start=0, stop=80, seen="A"), Shot(start=80, stop=81.6, seen="G")]
    scene = Scene(said=dialogue("A", 20), shots=shots)
    assert list(people(scene.assembled())) == ["unknown 1"]
    assert list(people(scene.assembled(["G"]))) == ["unknown 1", "G"]


def test_numbers_leave_out_those_that_are_names():
    found = Scene(said=TWO, shots=shots_of(TWO)).assembled()
    assert list(people(found)) == ["unknown 1", "unknown 2"]
    said = dialogue(["unknown 1", "B"], 20)
    named = Scene(said=said, shots=shots_of(said)).assembled(["unknown 1"])
    assert [(each.name, each.unknown) for each in named.timeline.people] == [
        ("unknown 1", False),
        ("unknown 2", True),
    ]


def test_voices_and_faces_apart_that_have_one_name_are_one_person():
    said = dialogue("AB", 20)
    scene = Scene(said=said, shots=[Shot(start=0, stop=80, seen="CA")], drawn="A")
    found = scene.assembled(["A"])
    assert people(found)["A"] == ("face and voice", 36, 80)
    # Lips that stay closed are not seen speaking, whoever's they are.
    beside = replace(
        scene,
        said=[*said, *(Said(start=80 + 4 * i, stop=83 + 4 * i, who="C") for i in range(5))],
        shots=[Shot(start=0, stop=100, seen="CA")],
    )
    found = beside.assembled(["A"])
    assert people(found)["A"][0] == "face and voice"
    assert all(turn.track is None for turn in found.timeline.turns if turn.speaker == "A")


def test_a_face_that_comes_as_the_turn_ends_is_seen_speaking_only_if_its_lips_are():
    said = [*dialogue("A", 10), Said(start=44, stop=48, who="A")]
    shots = [Shot(start=0, stop=40, seen="A"), Shot(start=47.4, stop=60, seen="A")]
    still = Scene(said=[*said, Said(start=50, stop=52, who="A")], shots=shots)
    assert still.assembled().timeline.turns[-2].track is not None
    found = replace(still, frozen=((44.0, 48.0),)).assembled().timeline
    assert found.turns[-2].track is None and found.turns[-1].track is not None


def test_the_times_are_those_of_the_observation_and_ends_come_after_starts():
    found = Scene(said=TWO, shots=shots_of(TWO)).assembled().timeline
    assert all(0 <= turn.start < turn.end <= 80 for turn in found.turns)
    assert [turn.start for turn in found.turns] == sorted(turn.start for turn in found.turns)
    first = found.tracks[0]
    assert first.times[:3] == (0.0, 0.2, 0.4) and len(first.times) == len(first.boxes)
    assert all(isinstance(number, float) for box in first.boxes for number in box)


def test_overlap_is_counted_on_both_sides():
    said = [*TWO, Said(start=80, stop=86, who="A"), Said(start=84, stop=90, who="B")]
    found = Scene(said=said, shots=[Shot(start=0, stop=90, seen="AB")]).assembled().timeline
    assert [turn.overlap for turn in found.turns[-2:]] == [2.0, 2.0]
    assert sum(turn.overlap for turn in found.turns) == 4


def test_each_turn_and_person_has_its_vectors():
    found = Scene(said=TWO, shots=shots_of(TWO)).assembled(["A"])
    assert len(found.people) == 2 and len(found.turns) == len(found.timeline.turns) == 20
    ann = found.people[0]
    assert ann.face @ vector("face", "A") > 0.97 and ann.voice @ vector("voice", "A") > 0.7
    assert ann.seconds == pytest.approx(36, abs=0.1) and ann.faces == 30
    turn = found.turns[1]
    assert turn.face @ vector("face", "B") > 0.97 and turn.voice @ vector("voice", "B") > 0.6
    assert (turn.faces, turn.seconds, turn.size) == (2, pytest.approx(3.6), 120)
    assert np.linalg.norm(turn.face) == pytest.approx(1, abs=1e-5)


def test_wrong_names_by_a_model_go_to_one_person_each():
    """A model that takes everybody's voice for the same person's."""

    class Deaf(Known):
        def __call__(self, looks):
            return [
                replace(each, name="Ann", probability=0.6, known=0.9, by="voice")
                if look.voice is not None
                else each
                for each, look in zip(super().__call__(looks), looks, strict=True)
            ]

    from mraf.pipeline.timeline.people.assemble import together
    from tests.helpers.scenes import PAIRS

    scene = Scene(said=dialogue("ABC", 30))
    found = together("x.mp4", scene.voices(), scene.seen(), naming=Deaf(()), pairs=PAIRS)
    names = [each.name for each in found.timeline.people]
    assert sorted(names) == ["Ann", "unknown 1", "unknown 2"]
    note = "also like Ann, whom somebody else here is more like"
    assert [note in each.notes for each in found.timeline.people] == [
        name != "Ann" for name in names
    ]
    assert checked(scene, found).speaker == 1


def test_numbers_stay_the_same_in_the_order_of_appearance():
    said = dialogue("ABC", 30)
    one = Scene(said=said, shots=shots_of(said)).assembled()
    again = Scene(said=said, shots=shots_of(said)).assembled()
    assert one.timeline == again.timeline
    starts = [
        min(turn.start for turn in one.timeline.turns if turn.speaker == each.name)
        for each in one.timeline.people
    ]
    assert starts == sorted(starts)


ALIKE = {"S": ("A", 0.96)}
"""A stranger whose face a model takes for A's."""


def heard_of(scene, name):
    """The people whose speech goes to a name, for the most part."""
    found = scene.assembled(["A"]).timeline
    times = [(turn.start + turn.end) / 2 for turn in found.turns if turn.speaker == name]
    return {each.who for each in scene.said for t in times if each.start <= t < each.stop}


@pytest.mark.parametrize("seconds", [3.6, 2.2])
@pytest.mark.parametrize("like", [0.2, 0.37, 0.42])
@pytest.mark.parametrize("drawn", ["", "AS"], ids=["seen speaking", "not seen speaking"])
def test_a_stranger_with_a_face_like_somebodys_does_not_get_the_name(drawn, like, seconds):
    said = [
        *dialogue("A", 10),
        *(Said(start=40 + 4 * i, stop=40 + 4 * i + seconds, who="S") for i in range(4)),
    ]
    scene = Scene(
        said=said,
        shots=[Shot(start=0, stop=40, seen="A"), Shot(start=40, stop=56, seen="S")],
        faces_like=ALIKE,
        voices_like={"S": ("A", like)},
        drawn=drawn,
    )
    assert heard_of(scene, "A") == {"A"} and heard_of(scene, "unknown 1") == {"S"}


def test_a_face_that_has_a_name_does_not_give_it_to_a_strangers_voice_where_nobody_is_seen_speaking():
    said = dialogue("S", 10)
    scene = Scene(said=said, shots=[Shot(start=0, stop=40, seen="S")], faces_like=ALIKE, drawn="S")
    shots = [Shot(start=4 * i, stop=4 * i + 4, seen="S" if i < 10 else "") for i in range(20)]
    between = replace(
        scene,
        said=dialogue("S", 10)
        + [replace(each, start=each.start + 40, stop=each.stop + 40) for each in dialogue("B", 10)],
        shots=shots,
    )
    for each in (scene, between):
        assert people(each.assembled(["A"]))["A"] == ("face", 0, 40)
        assert heard_of(each, "A") == set()
    own = replace(
        between, said=[replace(each, who="A" if each.who == "S" else "B") for each in between.said]
    )
    assert people(own.assembled(["A"]))["A"] == ("face and voice", 36, 40)


def test_a_name_goes_to_the_voice_that_bears_it_and_not_to_a_face_that_is_like():
    said = dialogue("AS", 20)
    scene = Scene(
        said=said,
        shots=shots_of(said, {"A": ""}),
        faces_like={"S": ("A", 0.97)},
        voices_like={"S": ("A", 0.37)},
    )
    assert heard_of(scene, "A") == {"A"}
    found = people(scene.assembled(["A"]))
    assert found["A"][0] == "voice" and found["unknown 1"][1] == 36


def test_whom_a_model_knows_by_the_face_alone_is_named_by_it():
    from mraf.pipeline.timeline.people.assemble import together
    from tests.helpers.scenes import PAIRS

    for drawn in ("", "A"):
        scene = Scene(said=TWO, shots=shots_of(TWO, {"B": ""}), drawn=drawn)
        naming = Known("A", voice="")
        found = together("x.mp4", scene.voices(), scene.seen(), naming=naming, pairs=PAIRS)
        assert people(found)["A"] == ("face", 36, 40)


@pytest.mark.parametrize("seconds", [3.6, 1.2])
def test_a_person_with_two_voices_and_one_face_is_one(seconds):
    said = [
        *dialogue("AB", 10),
        *(Said(start=40 + 4 * i, stop=40 + 4 * i + 3.6, who="A", heard="x") for i in range(5)),
    ]
    shots = [Shot(start=0, stop=40, seen="AB"), Shot(start=40, stop=60, seen="A")]
    for enrolled in ((), "A"):
        scene = Scene(said=said, shots=shots, noise=0.4)
        found = scene.assembled(enrolled)
        assert len(people(found)) == 2 and checked(scene, found).speaker == 1


@pytest.mark.parametrize("enrolled", ["", "A"])
def test_one_face_of_two_people_who_look_much_alike_is_two_by_their_voices(enrolled):
    said = dialogue("AS", 20)
    scene = Scene(said=said, shots=shots_of(said), faces_like={"S": ("A", 0.94)})
    assert set(scene.seen().group.tolist()) == {0}
    found = scene.assembled(enrolled)
    assert checked(scene, found) == type(checked(scene, found))(speaker=1, face=1)
    names = [track.speaker for track in found.timeline.tracks]
    assert len(set(names[::2])) == len(set(names[1::2])) == 1 and names[0] != names[1]


def test_one_face_beside_which_another_voice_is_heard_stays_one():
    said = [replace(each, lips="A" if each.who == "N" else "") for each in dialogue("AN", 20)]
    found = Scene(said=said, shots=shots_of(said, {"N": "A"})).assembled()
    assert len({track.speaker for track in found.timeline.tracks}) == 1
