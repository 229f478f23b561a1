import numpy as np
import pytest

from mraf.extractors.face.detect import FaceFinder
from mraf.extractors.face.dlib import Dlib
from mraf.extractors.face.embed import CANDIDATES, embed_faces
from mraf.extractors.face.facenet import FaceNet
from mraf.extractors.face.follow import MIN_PIXELS, average
from tests.helpers import seeded
from tests.helpers.painted_faces import (
    ANN,
    AXES,
    BEN,
    EVE,
    HEIGHT,
    WIDTH,
    Painted,
    Scripted,
    at,
    embed,
    embed_face,
    film,
)


@pytest.mark.parametrize(
    ("faces", "reason", "people"),
    [
        ([at()] * 4, "no_face", 0),
        ([at((5, 5, 50), probability=0.75)] * 4, "low_confidence", 0),
        ([at((5, 5, MIN_PIXELS - 2))] * 4, "face_too_small", 1),
    ],
)
def test_what_is_not_found_has_a_reason_and_no_vector(faces, reason, people):
    result = embed_face(film([], [], [], [])[0], None, Scripted(faces), Painted())
    assert (result.vector, result.reason, result.people) == (None, reason, people)


@pytest.mark.parametrize("reason", ["no_video", "decode_error"])
def test_without_frames_the_reason_is_handed_on(reason):
    result = embed_face(None, reason, Scripted([]), Painted())
    assert (result.reason, result.people) == (reason, None)


def test_one_face_a_frame_is_embedded_once_and_a_crowd_within_bounds():
    encoder = Painted()
    embed(*[[(ANN, 10, 10, 40)]] * 8, encoder=encoder)
    assert encoder.embedded == 8
    crowd = [(ANN, 50 * k, 10, 40 + k) for k in range(6)]
    encoder = Painted()
    assert embed(*[crowd] * 8, encoder=encoder).people == 6
    assert encoder.embedded == 8 * CANDIDATES
    encoder = Painted()
    assert embed(crowd, encoder=encoder).size == 45
    assert encoder.embedded == 1


def test_faces_of_several_clips_are_embedded_together_and_not_mixed_up():
    class Finder:
        def find(self, clips):
            return [found[len(frames)] for frames in clips]

    class Counting(Painted):
        def embed(self, frames, boxes):
            calls.append(len(boxes))
            return super().embed(frames, boxes)

    calls, encoder = [], Counting()
    ann, nobody = film([(ANN, 10, 10, 40)], [(ANN, 12, 10, 40)]), film([])
    both = film(*[[(EVE, 9, 9, 60), (BEN, 90, 9, 40)]] * 3)
    found = {len(frames): faces for frames, faces in (ann, nobody, both)}
    clips = [(ann[0], None), (None, "decode_error"), (nobody[0], None), (both[0], None)]
    first, lost, empty, second = embed_faces(clips, Finder(), encoder)
    assert calls == [8]
    assert np.allclose(first.vector, AXES[ANN]) and np.allclose(second.vector, AXES[EVE])
    assert (first.frames, second.frames, second.people) == (2, 3, 2)
    assert (lost.reason, empty.reason) == ("decode_error", "no_face")
    assert embed_faces([], Finder(), encoder) == []


def test_figures_are_those_of_the_chosen_faces():
    class Boxes(Painted):
        def embed(self, frames, boxes):
            return boxes

    places = [(ANN, 10, 10, 40), (ANN, 12, 10, 40), (ANN, 12, 12, 42)]
    result = embed(*([place] for place in places), encoder=Boxes())
    boxes = np.array([(x, y, x + s, y + s) for _, x, y, s in places], np.float32)
    assert np.allclose(result.vector, average(boxes))
    assert (result.frames, result.size, result.reason) == (3, 40.0, None)
    assert result.quality == pytest.approx(0.99)
    unit = boxes / np.linalg.norm(boxes, axis=1, keepdims=True)
    assert result.steadiness == pytest.approx((unit @ result.vector).mean())
    assert embed([places[0]]).steadiness is None


def test_an_encoder_to_which_all_look_alike_breaks_nothing_apart():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (3, HEIGHT, WIDTH, 3), dtype=np.uint8)
    faces = [at((20 + 5 * t, 40, 90), (250 - 5 * t, 40, 70)) for t in range(3)]
    result = embed_face(frames, None, Scripted(faces), FaceNet(seeded.FACENET))
    assert (result.frames, result.size, result.people) == (3, 90, 2)


@pytest.fixture(scope="module")
def drawn():
    """Frames of two drawn people, `[4, 240, 320, 3]` each, in rooms of their own."""
    from mraf.data.sample.painting.clothes import draw_clothes
    from mraf.data.sample.painting.look import draw_look
    from mraf.data.sample.painting.puppet import Puppet, draw_motion
    from mraf.data.sample.painting.room import draw_scene

    people = []
    for speaker in (0, 2):
        rng = np.random.default_rng(speaker)
        clothes, scene = draw_clothes(rng), draw_scene(rng)
        look = draw_look(0, speaker)
        puppet = Puppet(look=look, clothes=clothes, scene=scene, size=(320, 240))
        motion = draw_motion(np.linspace(0, 1, 60).astype(np.float32), 25.0, rng)
        people.append(np.stack(list(puppet.frames(motion, rng))[::15]))
    return people


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


def test_of_two_drawn_people_in_one_picture_one_is_embedded(drawn, finder):
    import cv2

    first, second = drawn
    encoder = Dlib()
    alone = embed_face(first, None, finder, encoder)
    assert (alone.frames, alone.people) == (4, 1) and alone.steadiness > 0.95
    smaller = np.stack([cv2.resize(frame, (240, 180)) for frame in second])
    pair = np.concatenate([first, np.zeros((4, 240, 240, 3), np.uint8)], axis=2)
    pair[:, :180, 320:] = smaller
    both = embed_face(pair, None, finder, encoder)
    assert (both.frames, both.people) == (4, 2)
    assert both.vector @ alone.vector > encoder.same


def test_a_cut_between_two_drawn_people_keeps_their_vectors_apart(drawn, finder):
    first, second = drawn
    encoder = Dlib()
    # The first comes back in another place; the second sits still further to the side.
    moved = np.roll(first, 90, axis=2)
    cut = np.concatenate([first[:3], np.roll(second[:2], -60, axis=2), moved[2:]])
    result = embed_face(cut, None, finder, encoder)
    alone = embed_face(first, None, finder, encoder)
    assert (result.frames, result.people) == (5, 2)
    assert result.vector @ alone.vector > 0.98
