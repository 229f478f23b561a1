from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.timeline.linking.correcting import corrected, join, seen_speaking, split
from mraf.pipeline.timeline.linking.evidence import sight_of
from mraf.pipeline.timeline.linking.linked import linked
from mraf.pipeline.timeline.linking.links import Links
from mraf.pipeline.timeline.linking.looks import Named
from mraf.pipeline.timeline.linking.speaker_count import SpeakerCount
from mraf.pipeline.timeline.linking.speech import Speech
from mraf.pipeline.timeline.turns.voices import Voices
from tests.helpers.scenes import PAIRS, Said, Scene, Shot, dialogue, vector

TWO = dialogue("AB", 20)
BESIDE = [Shot(start=0, stop=80, seen="AB")]


def scene(said, **more):
    return Scene(said=said, shots=BESIDE, **more)


def parts(made):
    """The speech, who is seen in its turns, and the tracks."""
    seen, speech = made.seen(), Speech.of(made.voices())
    return speech, sight_of(speech.turns, seen, seen.group), seen


def test_the_one_who_is_seen_speaking_is_the_one_who_speaks_most_in_step():
    speech, sight, _ = parts(scene([replace(each, lips="AB") for each in TWO]))
    assert np.allclose(seen_speaking(speech, sight), np.diag([36.0, 36.0]))


def test_a_voice_with_two_faces_is_parted_where_it_sounds_like_two():
    one = [replace(each, heard="A") for each in TWO]
    speech, sight, _ = parts(scene(one))
    found = split(speech, sight, SpeakerCount())
    assert found.turns.voice.tolist() == [0, 1] * 10 or found.turns.voice.tolist() == [1, 0] * 10
    assert found.seconds.tolist() == pytest.approx([36, 36])
    order = [0, 1] if found.turns.voice[0] == 0 else [1, 0]
    assert all(found.vectors[order[i]] @ vector("voice", "AB"[i]) > 0.8 for i in range(2))
    twins, beside, _ = parts(scene(one, sounds_like={"B": "A"}))
    assert len(split(twins, beside, SpeakerCount())) == 1


def test_a_turn_in_which_nobody_is_seen_goes_to_the_half_that_it_sounds_like():
    unseen = [
        *(replace(each, heard="A") for each in TWO),
        Said(start=82, stop=86, who="B", heard="A"),
    ]
    speech, sight, _ = parts(scene(unseen))
    found = split(speech, sight, SpeakerCount())
    assert found.turns.voice[-1] == found.turns.voice[1]


def test_three_who_are_one_voice_are_three():
    said = [replace(each, heard="A") for each in dialogue("ABC", 30)]
    made = Scene(said=said, shots=[Shot(start=0, stop=120, seen="ABC")])
    speech, sight, _ = parts(made)
    found = join(split(speech, sight, SpeakerCount()), sight, PAIRS, SpeakerCount())
    assert [len(set(found.turns.voice[i::3].tolist())) for i in range(3)] == [1, 1, 1]
    assert found.present.sum() == 3 and len(split(speech, sight, SpeakerCount(most=2))) == 2


def test_two_voices_with_one_face_are_joined_where_they_sound_alike():
    said = [replace(each, heard=f"{each.who}{i // 10}") for i, each in enumerate(TWO)]
    speech, sight, _ = parts(scene(said))
    found = join(speech, sight, PAIRS, SpeakerCount())
    assert found.present.sum() == 2 and len(join(speech, sight, PAIRS, SpeakerCount(least=4))) == 4
    assert join(speech, sight, PAIRS, SpeakerCount(least=4)).present.sum() == 4
    moved = [replace(each, lips="A" if each.who == "B" else "") for each in TWO]
    two = Scene(
        said=moved, shots=[Shot(start=0, stop=80, seen="A")]
    )  # B speaks unseen beside A's mouth
    speech, sight, _ = parts(two)
    assert join(speech, sight, PAIRS, SpeakerCount()).present.sum() == 2


def two_voices(seconds=3.6, *, noise=None, like=None):
    """A speaks, then a voice of A's that was taken for another's; or somebody who sounds like A that much."""
    other = "S" if like else "A"
    said = [
        *dialogue("A", 10),
        *(
            Said(start=40 + 4 * i, stop=40 + 4 * i + seconds, who=other, heard="x")
            for i in range(2 if seconds < 3 else 5)
        ),
    ]
    shots = [Shot(start=0, stop=40, seen="A"), Shot(start=40, stop=60, seen=other)]
    alike = {"S": ("A", 0.94)} if like else {}
    sounds = {"S": ("A", like)} if like else {}
    return Scene(said=said, shots=shots, faces_like=alike, voices_like=sounds, noise=noise)


@pytest.mark.parametrize("seconds", [3.6, 2.5])
@pytest.mark.parametrize(("like", "noise"), [(0.37, None), (0.41, None), (0.4, 0.2)])
def test_voices_that_do_not_sound_alike_are_two_however_alike_the_faces(like, noise, seconds):
    speech, sight, seen = parts(two_voices(seconds, like=like, noise=noise))
    assert set(seen.group.tolist()) == {0}  # by the faces they would be one person
    assert join(speech, sight, PAIRS, SpeakerCount()).present.sum() == 2


@pytest.mark.parametrize("noise", [0.3, 0.45])
def test_two_voices_of_one_person_are_joined_where_they_sound_fairly_alike(noise):
    speech, sight, _ = parts(two_voices(noise=noise))
    assert join(speech, sight, PAIRS, SpeakerCount()).present.sum() == 1


def test_voices_with_the_same_face_that_a_model_takes_for_two_people_are_two():
    speech, sight, _ = parts(two_voices())
    ann = Named(name="Ann", probability=0.9, known=0.9, asked=True)
    stranger, unasked = Named(known=0.1, asked=True), Named()
    for other, number in ((stranger, 2), (replace(ann, name="Bob"), 2), (unasked, 1), (ann, 1)):
        found = join(speech, sight, PAIRS, SpeakerCount(), [ann, other])
        assert found.present.sum() == number
    assert join(speech, sight, PAIRS, SpeakerCount(), [stranger, stranger]).present.sum() == 1


def test_two_voices_that_speak_at_once_are_not_joined():
    said = [
        *(replace(each, heard=f"{each.who}{i // 10}") for i, each in enumerate(TWO)),
        Said(start=81, stop=84, who="A", heard="A0"),
        Said(start=82, stop=85, who="A", heard="A1"),
    ]
    speech, sight, _ = parts(scene(said))
    assert join(speech, sight, PAIRS, SpeakerCount()).present.sum() == 3


def test_a_person_with_two_groups_of_tracks_has_one_face():
    made = Scene(
        said=dialogue("A", 20),
        shots=[Shot(start=4 * i, stop=4 * i + 4, seen="A") for i in range(20)],
    )
    seen = replace(made.seen(), group=np.array([0] * 10 + [1] * 10))
    found = linked(
        made.voices(), seen, naming=None, pairs=PAIRS, count=SpeakerCount(), duration=80.0
    )
    assert found.group.tolist() == [0] * 20 and found.links.face.tolist() == [0]


def test_lips_take_a_turn_that_the_voice_does_not_hold():
    said = [replace(each, heard="A") if i == 3 else each for i, each in enumerate(TWO)]
    speech, sight, _ = parts(scene(said))
    links = Links(face=np.array([0, 1]), odds=np.zeros((2, 2)), by_lips=True)
    found, _ = corrected(speech, sight, links, PAIRS, SpeakerCount())
    assert found.turns.voice[3] == 1 and found.seconds.tolist() == pytest.approx([36, 36])
    blind, _ = corrected(speech, sight, replace(links, by_lips=False), PAIRS, SpeakerCount())
    assert blind.turns.voice[3] == 0


def test_a_sure_voice_keeps_its_turn_from_a_mouth_that_moves():
    said = [*TWO, Said(start=82, stop=86, who="B", lips="A")]
    made = Scene(said=said, shots=[*BESIDE, Shot(start=80, stop=88, seen="A")])
    speech, sight, _ = parts(made)
    links = Links(face=np.array([0, 1]), odds=np.zeros((2, 2)), by_lips=True)
    found, _ = corrected(speech, sight, links, PAIRS, SpeakerCount())
    assert found.turns.voice[-1] == 1


def test_voices_without_vectors_stay_as_they_are():
    made = scene(TWO)
    voices = made.voices()
    bare = Voices(
        turns=tuple(replace(turn, vector=None) for turn in voices.turns),
        vectors=np.full_like(voices.vectors, np.nan),
        seconds=voices.seconds,
    )
    seen = made.seen()
    found = linked(bare, seen, naming=None, pairs=PAIRS, count=SpeakerCount(), duration=80.0)
    assert found.speech.turns.voice.tolist() == [0, 1] * 10 and found.links.face.tolist() == [0, 1]


def test_a_voice_that_a_face_has_just_got_can_be_asked_for_a_later_turn():
    said = [Said(start=4.0 * i, stop=4 * i + 3, who="A") for i in range(8)]
    said += [Said(start=33, stop=33.9, who="B"), Said(start=36, stop=39, who="B", heard="A")]
    speech, sight, _ = parts(scene(said, short=1.0))
    links = Links(face=np.array([0]), odds=np.zeros((1, 2)), by_lips=True)
    found, after = corrected(speech, sight, links, PAIRS, SpeakerCount())
    assert after.face.tolist() == [0, 1] and found.turns.voice[8:].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("count", "voices"),
    [(SpeakerCount(speakers=1), 1), (SpeakerCount(most=1), 1), (SpeakerCount(), 2)],
)
def test_a_face_gets_a_voice_of_its_own_only_where_there_may_be_one_more(count, voices):
    said = [Said(start=4.0 * i, stop=4 * i + 3, who="A") for i in range(8)]
    said += [Said(start=33, stop=33.9, who="B"), Said(start=35, stop=35.9, who="B")]
    made = scene(said, short=1.0)
    speech, sight, _ = parts(made)
    links = Links(face=np.array([0]), odds=np.zeros((1, 2)), by_lips=True)
    found, _ = corrected(speech, sight, links, PAIRS, count)
    assert found.present.sum() == voices
    heard = [each for each in made.assembled(count=count).timeline.people if each.seconds]
    assert len(heard) == voices


@pytest.mark.parametrize("count", [SpeakerCount(speakers=3), SpeakerCount(least=3), SpeakerCount()])
def test_a_voice_keeps_its_last_turn_where_there_may_not_be_one_less(count):
    said = [*TWO, Said(start=82, stop=86, who="B", heard="x")]
    made = Scene(said=said, shots=[*BESIDE, Shot(start=80, stop=88, seen="B")])
    speech, sight, _ = parts(made)
    bare = replace(speech.turns, vectors=np.full_like(speech.turns.vectors, np.nan))
    links = Links(face=np.array([0, 1, -1]), odds=np.zeros((3, 2)), by_lips=True)
    found, _ = corrected(replace(speech, turns=bare), sight, links, PAIRS, count)
    assert found.present.sum() == (2 if count == SpeakerCount() else 3)


@pytest.mark.parametrize(("who", "voices"), [("S", 3), ("A", 2)])
def test_a_turn_that_is_not_like_the_others_of_its_voice_is_that_of_the_face_that_speaks(
    who, voices
):
    """A stranger is heard as A; or A is, while somebody's mouth moves who says nothing."""
    said = [*TWO, Said(start=82, stop=84, who=who, heard="A", lips="S")]
    made = Scene(said=said, shots=[*BESIDE, Shot(start=80, stop=88, seen="S")])
    speech, sight, _ = parts(made)
    links = Links(face=np.array([0, 1]), odds=np.zeros((2, 3)), by_lips=True)
    found, after = corrected(speech, sight, links, PAIRS, SpeakerCount())
    assert found.present.sum() == voices and len(after.face) == voices
    assert found.turns.voice[-1] == (2 if who == "S" else 0)
    named = made.assembled("AB").timeline
    assert (named.turns[-1].speaker == "A") == (who == "A")
    kept, _ = corrected(speech, sight, links, PAIRS, SpeakerCount(speakers=2))
    assert kept.present.sum() == 2
