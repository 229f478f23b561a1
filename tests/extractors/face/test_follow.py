import numpy as np
import pytest

from mraf.extractors.face.encoders import Dlib, Faces, average
from mraf.extractors.face.follow import CANDIDATES, MIN_PIXELS, embed_faces, sharpness
from tests.helpers import seeded

HEIGHT, WIDTH = 200, 400
ANN, BEN, EVE = range(3)
AXES = np.eye(3)


def at(*boxes: tuple[float, float, float], probability: float = 0.99) -> Faces:
    """Faces at (x, y) with a side of s pixels."""
    array = np.array([(x, y, x + s, y + s) for x, y, s in boxes], np.float32).reshape(-1, 4)
    return Faces(array, np.full(len(boxes), probability, np.float32))


class Scripted:
    """A finder that says what it is told."""

    def __init__(self, faces: list[Faces]) -> None:
        self.faces = faces

    def find(self, clips: list[np.ndarray]) -> list[list[Faces]]:
        return [self.faces for _ in clips]


class Painted:
    """An encoder that reads who it is from the colour of the face."""

    name, dim, same, different = "painted", 3, 0.5, 0.35

    def __init__(self) -> None:
        self.embedded = 0

    def embed(self, frames: tuple[np.ndarray, ...], boxes: np.ndarray) -> np.ndarray:
        self.embedded += len(boxes)
        centres = (boxes[:, :2] + boxes[:, 2:]) / 2
        pixels = [f[int(y), int(x)] for f, (x, y) in zip(frames, centres, strict=True)]
        return np.array(pixels, np.float32)


def embed_face(frames, reason, finder, encoder):
    """The face of one clip."""
    return embed_faces([(frames, reason)], finder, encoder)[0]


def film(*frames: list[tuple[int, float, float, float]]):
    """Frames and their faces, each (who, x, y, side); `embed` below takes them."""
    pictures = np.zeros((len(frames), HEIGHT, WIDTH, 3), np.uint8)
    found = []
    for picture, people in zip(pictures, frames, strict=True):
        for who, x, y, side in people:
            picture[int(y) : int(y + side), int(x) : int(x + side), who] = 200
        found.append(at(*[place for _, *place in people]))
    return pictures, found


def embed(*frames: list[tuple[int, float, float, float]], encoder=None):
    pictures, found = film(*frames)
    return embed_face(pictures, None, Scripted(found), encoder or Painted())


def test_the_larger_of_two_people_is_followed_whatever_their_order():
    small, large = (ANN, 10, 10, 40), (BEN, 150, 50, 60)
    result = embed([small, large], [large, small], [small, large])
    assert np.allclose(result.vector, AXES[BEN])
    assert (result.frames, result.size, result.people) == (3, 60, 2)


def test_somebody_who_walks_through_near_the_camera_is_not_chosen():
    ann = (ANN, 10, 10, 40)
    passing = [[], [(BEN, 80, 20, 120)], [(BEN, 200, 20, 120)], [], [], []]
    result = embed(*([ann, *others] for others in passing))
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (6, 2)


def test_a_picture_on_the_wall_is_not_chosen_though_it_is_always_seen():
    poster = (EVE, 350, 10, 30)
    frames = [[poster, (ANN, 100, 50, 80)] for _ in range(6)]
    result = embed(*frames, [poster], [poster])
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (6, 2)


def test_a_cut_to_somebody_in_the_same_place_is_noticed():
    ann, ben = (ANN, 100, 50, 80), (BEN, 105, 52, 80)
    result = embed([ann], [ann], [ann], [ben], [ben], [ann], [ann], [ann])
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (6, 2)
    assert result.steadiness == pytest.approx(1)


def test_somebody_is_known_again_in_another_place_after_a_cut():
    left, right = (ANN, 10, 50, 80), (ANN, 250, 80, 60)
    ben = (BEN, 150, 60, 90)
    result = embed([left], [left], [ben], [ben], [right], [right])
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (4, 2)


def test_somebody_who_moves_across_stays_one_person():
    result = embed(*([(ANN, 10 + 80 * t, 50, 60)] for t in range(4)))
    assert (result.frames, result.people) == (4, 1)


def test_two_who_change_places_stay_two():
    first = [(ANN, 10, 50, 80), (BEN, 250, 50, 60)]
    after = [(ANN, 250, 50, 80), (BEN, 10, 50, 60)]
    result = embed(first, first, after, after)
    assert np.allclose(result.vector, AXES[ANN])
    assert (result.frames, result.people) == (4, 2)


def test_person_is_followed_over_a_frame_without_them():
    ann = (ANN, 10, 10, 40)
    assert embed([ann], [], [ann, (BEN, 150, 10, 30)], [ann]).frames == 3


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


def test_a_blurred_face_is_less_sharp():
    import cv2

    frame = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    box = np.array([50.0, 20.0, 210.0, 180.0])
    sharp, blurred = sharpness(frame, box), sharpness(cv2.GaussianBlur(frame, (0, 0), 2), box)
    assert blurred < sharp / 10
    grey = np.full_like(frame, 128)
    for outside in ([-30, -30, 50, 50], [390, 190, 500, 300], [500, 300, 600, 400], [9, 9, 9, 9]):
        assert sharpness(grey, np.array(outside, float)) == 0


def test_an_encoder_to_which_all_look_alike_breaks_nothing_apart():
    from mraf.extractors.face.encoders import FaceNet

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
    from mraf.data.sample.painting.motion import draw_motion
    from mraf.data.sample.painting.puppet import Puppet
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
    from mraf.extractors.face.encoders import FaceFinder

    return FaceFinder()


def test_of_two_drawn_people_in_one_picture_one_is_embedded(drawn, finder):
    import cv2

    first, second = drawn
    encoder = Dlib()
    alone = embed_face(first, None, finder, encoder)
    assert (alone.frames, alone.people) == (4, 1) and alone.steadiness > 0.95
    smaller = np.stack([cv2.resize(frame, (240, 180)) for frame in second])
    beside = np.concatenate([first, np.zeros((4, 240, 240, 3), np.uint8)], axis=2)
    beside[:, :180, 320:] = smaller
    both = embed_face(beside, None, finder, encoder)
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
