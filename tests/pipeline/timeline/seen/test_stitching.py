import numpy as np
import pytest

from mraf.extractors.streaming.parts import FaceTrack, Seen
from mraf.pipeline.timeline.seen.stitching import Stitcher
from mraf.pipeline.timeline.seen.tracks import Piece
from tests.helpers.scenes import FACE_DIM, PAIRS, vector

LEFT, RIGHT = (0.1, 0.1, 0.3, 0.5), (0.6, 0.1, 0.8, 0.5)


def piece(start, stop, who="A", box=LEFT, picture=b"", scores=0):
    times = np.arange(round(start * 5), round(stop * 5)) / 5
    track = FaceTrack(
        times=times,
        boxes=np.tile(np.array(box, np.float32), (len(times), 1)),
        probability=np.full(len(times), 0.9, np.float32),
        size=50.0,
        vectors=vector("face", who, draw=start)[None]
        if who
        else np.zeros((0, FACE_DIM), np.float32),
        vector_times=np.array([start] if who else []),
        lips=np.zeros((scores, 128), np.float16),
        first_tick=round(start * 25),
        picture=picture,
    )
    return Piece(track=track, scores=np.full(scores, start, np.float32))


def stitched(*parts, cuts=()):
    """Parts of 10 s, each a list of pieces."""
    stitcher = Stitcher(PAIRS.face)
    for i, pieces in enumerate(parts):
        here = np.array([cut for cut in cuts if 10 * i <= cut < 10 * i + 10])
        seen = Seen(tracks=(), cuts=here, width=640, height=360)
        stitcher.add(10.0 * i, 10.0 * i + 10, seen, pieces)
    return stitcher.finish()


def test_a_face_is_followed_over_the_borders_of_parts():
    (track,) = stitched(
        [piece(4, 10, picture=b"one", scores=150)], [piece(10, 20, scores=250)], [piece(20, 21)]
    )
    assert (track.start, track.stop) == (4, pytest.approx(21)) and len(track.times) == 85
    assert track.picture == b"one" and len(track.vectors) == 3
    assert track.first_tick == 100 and len(track.scores) == 400
    assert track.scores_at(np.array([99, 100, 250, 499, 500])).tolist()[1:4] == [4, 10, 10]
    assert np.isnan(track.scores_at(np.array([99, 500]))).all()


@pytest.mark.parametrize(
    "then",
    [piece(10, 20, box=RIGHT), piece(12, 20), piece(10, 20, "B")],
    ids=["place", "gap", "face"],
)
def test_another_place_a_gap_or_another_face_makes_another_track(then):
    assert len(stitched([piece(4, 10)], [then])) == 2


def test_a_cut_at_the_border_makes_another_track():
    assert len(stitched([piece(4, 10)], [piece(10, 20)], cuts=[10.0])) == 2
    assert len(stitched([piece(4, 10)], [piece(10, 20)], cuts=[15.0])) == 1


def test_a_cut_just_before_the_border_makes_another_track_too():
    assert len(stitched([piece(4, 9.6)], [piece(10, 20)], cuts=[9.8])) == 2
    assert len(stitched([piece(4, 9.6)], [piece(10, 20)], cuts=[9.0])) == 1


def test_a_face_without_vectors_goes_on_in_its_place():
    assert len(stitched([piece(4, 10)], [piece(10, 20, None)])) == 1


def test_of_two_faces_each_goes_on_in_its_own():
    tracks = stitched(
        [piece(0, 10, box=LEFT), piece(0, 10, "B", box=RIGHT)],
        [piece(10, 20, "B", box=RIGHT), piece(10, 20, box=LEFT)],
    )
    assert len(tracks) == 2 and all(track.stop == pytest.approx(20) for track in tracks)
    assert sorted(float(track.boxes[:, 0].std()) for track in tracks) == pytest.approx(
        [0, 0], abs=1e-6
    )


def test_one_face_does_not_go_on_in_two():
    tracks = stitched([piece(0, 10)], [piece(10, 20), piece(10, 20)])
    assert sorted(track.start for track in tracks) == [0, 10]


def test_parts_without_a_picture_end_all_tracks():
    stitcher = Stitcher(PAIRS.face)
    stitcher.add(0, 10, Seen(tracks=(), cuts=np.zeros(0), width=1, height=1), [piece(0, 10)])
    stitcher.add(10, 20, None, [])
    stitcher.add(20, 30, Seen(tracks=(), cuts=np.zeros(0), width=1, height=1), [piece(20, 30)])
    assert len(stitcher.finish()) == 2
