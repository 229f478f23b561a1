"""The drawn people: identity, parts that fit, and the room behind them."""

from dataclasses import replace

import numpy as np
import pytest

from mraf.data.sample.painting.body import CUTS, sample_clothes
from mraf.data.sample.painting.hair import STYLES
from mraf.data.sample.painting.look import Look, is_female, sample_look
from mraf.data.sample.painting.puppet import Motion, Puppet, sample_motion
from mraf.data.sample.painting.room import BACKDROPS, Scene, paint_room, sample_scene

SIZE = (160, 120)


def scene(seed: int = 0) -> Scene:
    return sample_scene(np.random.default_rng(seed))


def picture(look: Look, face: str = "seen", mouth: float = 0.0, lids: float = 0.0) -> np.ndarray:
    """Return one frame [H, W, 3] of somebody who keeps still."""
    still = np.zeros(1, np.float32)
    motion = Motion(still + mouth, still + lids, still, still, still, still, still)
    puppet = Puppet(look, sample_clothes(np.random.default_rng(1)), scene(), SIZE, face)
    return next(puppet.frames(motion, np.random.default_rng(2))).astype(float)


def test_a_look_does_not_depend_on_the_others() -> None:
    assert sample_look(0, 5) == sample_look(0, 5)
    assert sample_look(0, 5) != sample_look(1, 5)
    assert len({sample_look(0, s) for s in range(60)}) == 60
    assert {is_female(0, s) for s in range(2)} == {True, False}


def test_only_men_have_beards_and_every_style_of_hair_is_known() -> None:
    looks = [sample_look(seed, s) for seed in range(3) for s in range(40)]
    assert all(look.beard == "none" for look in looks if look.female)
    assert {look.hair for look in looks} == set(STYLES) | {"bald", "scarf"}


def test_mouth_and_eyes_change_only_where_they_are() -> None:
    look = replace(sample_look(0, 4), glasses="none")
    shut = picture(look)
    for change in (picture(look, mouth=1.0), picture(look, lids=1.0)):
        moved = np.abs(change - shut).max(axis=2) > 3
        assert 5 < moved.sum() < 0.2 * moved.size


@pytest.mark.parametrize("face", ["hand", "turned_away", "dark", "out_of_frame"])
def test_a_hidden_face_looks_different(face: str) -> None:
    look = sample_look(0, 2)
    assert np.abs(picture(look, face) - picture(look)).mean() > 2


@pytest.mark.parametrize("hair", [*STYLES, "bald", "scarf"])
def test_every_style_can_be_painted_from_both_sides(hair: str) -> None:
    look = replace(sample_look(0, 1), hair=hair)
    for face in ("seen", "turned_away"):
        frame = picture(look, face)
        assert np.isfinite(frame).all() and frame.std() > 5


@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_of_clothes_can_be_painted(cut: str) -> None:
    clothes = replace(sample_clothes(np.random.default_rng(0)), cut=cut)
    motion = sample_motion(np.zeros(2, np.float32), 25, np.random.default_rng(0))
    frames = list(
        Puppet(sample_look(0, 0), clothes, scene(), SIZE).frames(motion, np.random.default_rng(0))
    )
    assert [f.shape for f in frames] == [(120, 160, 3)] * 2
    assert frames[0].dtype == np.uint8


@pytest.mark.parametrize("backdrop", list(BACKDROPS))
def test_every_room_is_a_soft_picture(backdrop: str) -> None:
    room = paint_room(replace(scene(), backdrop=backdrop), 120, 160)
    assert room.shape == (120, 160, 3)
    assert 0 <= room.min() < room.max() <= 1
    assert np.abs(np.diff(room, axis=1)).max() < 0.3


def test_the_mouth_follows_the_sound() -> None:
    loud = np.linspace(0, 1, 50, dtype=np.float32)
    motion = sample_motion(loud, 25, np.random.default_rng(0))
    assert np.array_equal(motion.mouth, loud)
    assert motion.lids.min() == 0 and motion.lids.max() <= 1
