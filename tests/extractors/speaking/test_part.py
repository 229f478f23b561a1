"""A part of a file, of painted people: coloured squares that look like this or that person."""

from collections.abc import Callable

import numpy as np
import pytest

from mraf.extractors.face.mtcnn import Faces
from mraf.extractors.speaking.lr_asd import SIZE
from mraf.extractors.speaking.part import Part
from mraf.extractors.streaming.parts import Seen
from tests.helpers.painted_faces import ANN, AXES, BEN, EVE, HEIGHT, WIDTH, Painted, at
from tests.helpers.sliced import sliced

NOBODY = at()
Place = tuple[int, float, float, float]
"""Who, x, y, side."""


class Mirror:
    """A reader whose lips are the grey in the middle of the face."""

    def __init__(self) -> None:
        self.ticks = 0

    def read(self, faces: np.ndarray) -> np.ndarray:
        self.ticks += len(faces)
        return np.tile(faces[:, 56, 56, None].astype(np.float32), (1, SIZE))


def film(*ticks: list[Place], rooms: list[int] | None = None) -> tuple[np.ndarray, list[Faces]]:
    """A picture and its faces for each tick; each room has its own background."""
    walls = np.random.default_rng(0).integers(0, 90, (5, HEIGHT // 20, WIDTH // 20, 3), np.uint8)
    pictures, found = [], []
    for k, people in enumerate(ticks):
        picture = walls[rooms[k] if rooms else 0].repeat(20, 0).repeat(20, 1)
        for who, x, y, side in people:
            picture[int(y) : int(y + side), int(x) : int(x + side)] = 200 * np.eye(3)[who]
        pictures.append(picture)
        found.append(at(*[place for _, *place in people]))
    return np.stack(pictures), found


def watch(
    pictures: np.ndarray,
    found: list[Faces],
    *,
    part: Part | None = None,
    first: int = 0,
    speech: Callable[[int], bool] | None = None,
    shown: np.ndarray | None = None,
) -> Seen:
    part = part or Part(Painted(), Mirror())
    for piece in sliced(pictures, first=first, shown=shown):
        faces = [
            found[tick - first if shown is None else shown[tick - first]] for tick in piece.looks
        ]
        ticks = range(piece.first_tick, piece.first_tick + len(piece.shown))
        part.add(piece, faces, None if speech is None else np.array([speech(t) for t in ticks]))
    return part.finish()


HERE, THERE = (50, 40, 80), (250, 60, 80)


def test_one_person_is_one_track_from_end_to_end():
    seen = watch(*film(*[[(ANN, *HERE)]] * 130), first=1_500)
    (track,) = seen.tracks
    assert track.times.tolist() == (np.arange(1_500, 1_630, 5) / 25).tolist()
    assert np.allclose(track.boxes, np.array([50, 40, 130, 120]) / [WIDTH, HEIGHT, WIDTH, HEIGHT])
    assert (track.first_tick, track.lips.shape, track.lips.dtype) == (
        1_500,
        (130, SIZE),
        np.float16,
    )
    assert track.size == 80 and track.picture[:2] == b"\xff\xd8"
    assert (
        np.allclose(track.vectors, AXES[ANN]) and len(track.vectors) == len(track.vector_times) >= 2
    )
    assert not len(seen.cuts) and (seen.width, seen.height) == (WIDTH, HEIGHT)


def test_a_cut_to_another_face_in_the_same_place_is_two_tracks():
    ticks = [[(ANN, *HERE)]] * 63 + [[(BEN, *HERE)]] * 60
    seen = watch(*film(*ticks, rooms=[0] * 63 + [1] * 60))
    one, two = seen.tracks
    assert seen.cuts.tolist() == [63 / 25]
    assert (one.first_tick, len(one.lips), two.first_tick, len(two.lips)) == (0, 63, 63, 60)
    assert np.allclose(one.vectors, AXES[ANN]) and np.allclose(two.vectors, AXES[BEN])


def test_another_person_after_an_unseen_cut_is_another_track():
    seen = watch(*film(*[[(ANN, *HERE)]] * 110, *[[(BEN, *HERE)]] * 110))
    one, two = seen.tracks
    assert not len(seen.cuts)
    assert one.times[-1] == 105 / 25 and two.times[0] == 110 / 25
    assert (len(one.lips), two.first_tick, len(two.lips)) == (110, 110, 110)
    assert np.allclose(one.vectors, AXES[ANN]) and np.allclose(two.vectors, AXES[BEN])


def test_two_at_once_are_two_tracks_and_a_third_comes_later():
    later = [[(ANN, *HERE), (BEN, *THERE), (EVE, 150, 10, 40)]] * 40
    seen = watch(*film(*[[(ANN, *HERE), (BEN, *THERE)]] * 60, *later))
    assert [len(track.times) for track in seen.tracks] == [20, 20, 8]
    assert [track.first_tick for track in seen.tracks] == [0, 0, 58]
    assert [int(track.vectors[0].argmax()) for track in seen.tracks] == [ANN, BEN, EVE]


def test_a_turned_head_is_bridged_and_its_lips_are_read_where_it_was():
    pictures, found = film(*[[(ANN, *HERE)]] * 150)
    found[50:70] = [NOBODY] * 20
    (track,) = watch(pictures, found).tracks
    assert len(track.times) == 26 and len(track.lips) == 150
    assert np.isfinite(track.lips).all()


def test_a_face_that_is_gone_for_longer_is_another_track():
    pictures, found = film(*[[(ANN, *HERE)]] * 150)
    found[50:90] = [NOBODY] * 40
    one, two = watch(pictures, found).tracks
    assert (len(one.lips), two.first_tick) == (48, 88)


def test_lips_are_read_where_there_may_be_speech_and_shortly_around():
    reader = Mirror()
    part = Part(Painted(), reader)
    seen = watch(*film(*[[(ANN, *HERE)]] * 200), part=part, speech=lambda tick: 80 <= tick < 100)
    looked_at = np.isfinite(seen.tracks[0].lips).all(axis=1)
    assert np.flatnonzero(looked_at).tolist() == list(range(68, 112)) and reader.ticks == 44


def test_the_lips_are_those_at_their_tick_of_a_face_that_moves():
    """The shade of the face tells the tick, and where it would be missed there is the wall."""
    ticks = 140
    pictures, found = film(*[[(ANN, 20 + 1.5 * k, 60, 70)] for k in range(ticks)])
    for k, faces in enumerate(found):
        x1, y1, x2, y2 = faces.boxes[0].astype(int)
        pictures[k, y1:y2, x1:x2] = 100 + k
    (track,) = watch(pictures, found).tracks
    assert np.abs(track.lips[:, 0] - (100 + np.arange(ticks))).max() <= 1


def test_it_is_the_same_however_the_file_is_cut_into_parts_of_its_own():
    part = Part(Painted(), Mirror())
    watch(*film(*[[(BEN, *THERE)]] * 60), part=part)
    fresh = Part(Painted(), Mirror())
    once, again = (
        watch(*film(*[[(ANN, *HERE)]] * 60), part=p, first=100)
        for p in (fresh, Part(Painted(), Mirror()))
    )
    assert np.array_equal(once.tracks[0].lips, again.tracks[0].lips)


def test_without_a_reader_there_are_no_lips():
    (track,) = watch(*film(*[[(ANN, *HERE)]] * 60), part=Part(Painted(), None)).tracks
    assert track.lips.shape == (0, SIZE) and len(track.vectors)


def test_faces_too_small_to_tell_are_followed_but_not_embedded():
    (track,) = watch(*film(*[[(ANN, 50, 40, 20)]] * 60)).tracks
    assert track.vectors.shape == (0, 3) and track.vector_times.shape == (0,)
    assert len(track.times) == 12 and track.picture


def test_nothing_to_see():
    assert watch(*film(*[[]] * 60)).tracks == ()
    seen = watch(*film([]), shown=np.full(120, -1))
    assert seen.tracks == () and not len(seen.cuts)
    assert Part(Painted(), Mirror()).finish().tracks == ()


@pytest.mark.parametrize("ticks", [1, 3, 49, 50, 51])
def test_short_files(ticks):
    (track,) = watch(*film(*[[(ANN, *HERE)]] * ticks)).tracks
    assert len(track.lips) == ticks and len(track.vectors)


def test_a_still_is_one_track():
    pictures, found = film([(ANN, *HERE)])
    (track,) = watch(pictures, found, shown=np.zeros(170, int)).tracks
    assert len(track.lips) == 170 and len(track.times) == 34


def test_where_the_picture_is_missing_lips_are_not_looked_at():
    pictures, found = film(*[[(ANN, *HERE)]] * 100)
    shown = np.arange(100)
    shown[40:52] = -1
    (track,) = watch(pictures, found, shown=shown).tracks
    assert np.isnan(track.lips[40:52]).all() and np.isfinite(track.lips[:40]).all()


def test_pictures_of_another_size_begin_a_shot():
    part = Part(Painted(), Mirror())
    pictures, found = film(*[[(ANN, *HERE)]] * 50)
    for piece in sliced(pictures):
        part.add(piece, [found[0]] * len(piece.looks), None)
    half = [at((25, 20, 40))] * 10
    for piece in sliced(np.ascontiguousarray(pictures[:, ::2, ::2]), first=50):
        part.add(piece, half, None)
    seen = part.finish()
    assert seen.cuts.tolist() == [2.0] and [len(track.lips) for track in seen.tracks] == [50, 50]


def test_twenty_people_and_few_pictures_kept():
    people = [(k % 3, 10 + 36 * (k % 10), 20 + 80 * (k // 10), 30) for k in range(20)]
    part = Part(Painted(), Mirror())
    pictures, found = film(*[people] * 400)
    for piece in sliced(pictures):
        part.add(piece, [found[0]] * len(piece.looks), None)
        assert len(part._greys._slices) <= 2 and len(part._looks) <= 10
    assert [len(track.lips) for track in part.finish().tracks] == [400] * 20


def test_a_lost_face_does_not_hold_the_pictures():
    part = Part(Painted(), Mirror())
    pictures, found = film(*[[(ANN, *HERE)]] * 20, *[[]] * 400)
    for k, piece in enumerate(sliced(pictures)):
        part.add(piece, [found[tick] for tick in piece.looks], None)
        assert k == 0 or len(part._greys._slices) <= 3


def test_a_cut_at_the_border_of_two_parts_is_found():
    """The part before hands on its last pictures; else it would be as if nothing had come before."""
    rooms = [0] * 50 + [1] * 50
    pictures, found = film(*[[(ANN, *HERE)]] * 100, rooms=rooms)
    before = watch(pictures[:50], found[:50], first=1_450)
    after = watch(pictures[50:], found[50:], part=Part(Painted(), Mirror(), before), first=1_500)
    assert before.cuts.tolist() == [] and after.cuts.tolist() == [60.0]
    assert [track.first_tick for track in after.tracks] == [1_500]
    same = watch(pictures[:50], found[:50], part=Part(Painted(), Mirror(), before), first=1_500)
    assert same.cuts.tolist() == []
