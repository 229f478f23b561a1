from dataclasses import replace

import numpy as np

from mraf.pipeline.timeline.seen import grouping
from mraf.pipeline.timeline.seen.grouping import at_once, grouped
from mraf.pipeline.timeline.seen.tracks import WholeTrack
from tests.helpers.scenes import FACE_DIM, PAIRS, PLACES, vector


def track(start, stop, who, place=0, vectors=2):
    times = np.arange(round(start * 5), round(stop * 5)) / 5
    found = [vector("face", who, draw=(start, place, i)) for i in range(vectors)]
    return WholeTrack(
        times=times,
        boxes=np.tile(np.array(PLACES[place], np.float32), (len(times), 1)),
        size=50.0,
        probability=1.0,
        best=1.0,
        vectors=np.array(found, np.float32).reshape(vectors, FACE_DIM),
        vector_times=np.full(vectors, start),
        first_tick=0,
        scores=np.zeros(0, np.float32),
        picture=b"",
    )


def groups(tracks, cuts=()):
    return grouped(tracks, PAIRS.face, cuts).tolist()


def test_tracks_of_one_face_are_one_person():
    tracks = [track(4 * i, 4 * i + 4, "ABAACB"[i]) for i in range(6)]
    assert groups(tracks) == [0, 1, 0, 0, 2, 1]


def test_two_that_are_seen_at_once_are_two_people_however_alike():
    tracks = [track(0, 4, "A"), track(2, 6, "A", place=1), track(8, 12, "A")]
    found = groups(tracks)
    assert found[0] != found[1] and found[2] in found[:2]


def test_one_face_that_was_found_twice_is_one_person():
    tracks = [track(0, 4, "A"), track(2, 6, "A")]
    assert groups(tracks) == [0, 0] and len(at_once(tracks)) == 0


def test_a_short_overlap_where_one_shot_fades_into_the_next_is_not_at_once():
    assert len(at_once([track(0, 4, "A"), track(3.8, 6, "A", place=1)])) == 0
    assert at_once([track(0, 4, "A"), track(3, 6, "A", place=1)]).tolist() == [[0, 1]]


def test_a_face_without_a_vector_is_the_one_in_its_place():
    tracks = [
        track(0, 4, "A"),
        track(0, 4, "B", place=1),
        track(4.6, 6, "?", vectors=0),
        track(4.6, 6, "?", place=1, vectors=0),
        track(6.4, 8, "?", vectors=0),
    ]
    assert groups(tracks) == [0, 1, 0, 1, 0]
    assert groups(tracks, cuts=[4.4]) == [0, 1, -1, -1, -1]


def test_a_face_without_a_vector_is_the_one_that_comes_after_in_its_place():
    tracks = [track(0, 2, "?", vectors=0), track(2.4, 6, "A")]
    assert groups(tracks) == [0, 0] and groups(tracks, cuts=[2.2]) == [-1, 0]


def test_a_face_without_a_vector_is_not_one_that_is_seen_at_once():
    tracks = [track(0, 4, "A"), track(4.4, 8, "?", vectors=0), track(4.4, 8, "A", place=1)]
    assert groups(tracks) == [0, -1, 0]


def test_blocks_find_what_all_at_once_would(monkeypatch):
    tracks = [track(4 * i, 4 * i + 4, f"p{i % 7}") for i in range(60)]
    whole = groups(tracks)
    monkeypatch.setattr(grouping, "LIMIT", 20)
    assert groups(tracks) == whole and max(whole) == 6


def test_those_at_once_stay_two_over_blocks(monkeypatch):
    monkeypatch.setattr(grouping, "LIMIT", 10)
    tracks = [track(4 * i, 4 * i + 4, "A", place=place) for i in range(30) for place in (0, 1)]
    found = np.array(groups(tracks)).reshape(30, 2)
    assert (found[:, 0] != found[:, 1]).all()


def test_a_crowd_of_strangers_ends(monkeypatch):
    monkeypatch.setattr(grouping, "LIMIT", 10)
    tracks = [track(4 * i, 4 * i + 4, f"p{i}") for i in range(40)]
    assert groups(tracks) == list(range(40))


def test_nobody_is_no_group():
    assert groups([]) == [] and groups([track(0, 4, "A", vectors=0)]) == [-1]


def test_a_vector_that_is_no_number_is_left_out():
    broken = replace(track(0, 4, "A"), vectors=np.full((2, FACE_DIM), np.nan, np.float32))
    assert groups([broken, track(8, 12, "A")]) == [-1, 0]
