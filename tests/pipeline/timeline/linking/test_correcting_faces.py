from dataclasses import replace

import numpy as np

from mraf.pipeline.timeline.linking.correcting_faces import alike_faces, parted_faces
from mraf.pipeline.timeline.linking.evidence import sight_of
from mraf.pipeline.timeline.linking.linked import faces_of
from mraf.pipeline.timeline.linking.speech import Speech
from tests.helpers.scenes import PAIRS, Scene, Shot, dialogue, shots_of, vector
from tests.pipeline.timeline.linking.test_correcting import parts


def test_faces_that_one_voice_has_and_that_look_alike_are_one_persons():
    made = Scene(
        said=dialogue("A", 20),
        shots=[Shot(start=4 * i, stop=4 * i + 4, seen="A") for i in range(20)],
    )
    speech, _, seen = parts(made)
    group = np.array([0] * 10 + [1] * 10)
    sight = sight_of(speech.turns, seen, group)
    faces = faces_of(seen, group)
    assert alike_faces(speech, sight, PAIRS, faces) == [(0, 1)]
    apart = replace(faces, apart=frozenset({(0, 1)}))
    assert alike_faces(speech, sight, PAIRS, apart) == []
    others = np.stack([vector("face", who) for who in "AB"])
    assert alike_faces(speech, sight, PAIRS, replace(faces, vectors=others)) == []


def test_faces_that_are_parted_are_told_to_be_two_by_a_track_of_each():
    """A track heard with the one's voice that looks like the other: the pair was of one face's tracks."""
    said = dialogue("AS", 20)
    made = Scene(said=said, shots=shots_of(said), faces_like={"S": ("A", 0.94)})
    seen, speech = made.seen(), Speech.of(made.voices())
    tracks = list(seen.tracks)
    tracks[1] = replace(tracks[1], vectors=tracks[0].vectors)
    seen = replace(seen, tracks=tuple(tracks))
    assert set(seen.group.tolist()) == {0} and not len(seen.apart)
    sight = sight_of(speech.turns, seen, seen.group)
    after, group = parted_faces(speech, sight, seen, seen.group, PAIRS)
    assert group.tolist() == [0, 0, *[0, 1] * 9]
    assert [group[pair].tolist() for pair in after.apart] == [[0, 1]]
