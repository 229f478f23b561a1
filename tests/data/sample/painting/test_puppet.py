"""Pictures of drawn people: parts that fit, and every style that can be drawn."""

from dataclasses import replace

import numpy as np
import pytest

from mraf.data.sample.painting.clothes import CUTS, draw_clothes
from mraf.data.sample.painting.hair import STYLES
from mraf.data.sample.painting.look import Look, draw_look
from mraf.data.sample.painting.puppet import Motion, Puppet, draw_motion
from mraf.data.sample.painting.room import Scene, draw_scene

SIZE = (160, 120)


def scene(seed: int = 0) -> Scene:
    return draw_scene(np.random.default_rng(seed))


def picture(look: Look, face: str = "seen", mouth: float = 0.0, lids: float = 0.0) -> np.ndarray:
    """Return one frame [H, W, 3] of somebody who keeps still."""
    still = np.zeros(1, np.float32)
    head = dict.fromkeys(("x", "y", "roll", "yaw", "pitch"), still)
    motion = Motion(mouth=still + mouth, lids=still + lids, **head)
    clothes = draw_clothes(np.random.default_rng(1))
    puppet = Puppet(look=look, clothes=clothes, scene=scene(), size=SIZE, face=face)
    return next(puppet.frames(motion, np.random.default_rng(2))).astype(float)


def test_mouth_and_eyes_change_only_where_they_are() -> None:
    look = replace(draw_look(0, 4), glasses="none")
    shut = picture(look)
    for change in (picture(look, mouth=1.0), picture(look, lids=1.0)):
        moved = np.abs(change - shut).max(axis=2) > 3
        assert 5 < moved.sum() < 0.2 * moved.size


@pytest.mark.parametrize("face", ["hand", "turned_away", "dark", "out_of_frame"])
def test_a_hidden_face_looks_different(face: str) -> None:
    look = draw_look(0, 2)
    assert np.abs(picture(look, face) - picture(look)).mean() > 2


@pytest.mark.parametrize("hair", [*STYLES, "bald", "scarf"])
def test_every_style_can_be_painted_from_both_sides(hair: str) -> None:
    look = replace(draw_look(0, 1), hair=hair)
    for face in ("seen", "turned_away"):
        frame = picture(look, face)
        assert np.isfinite(frame).all() and frame.std() > 5


@pytest.mark.parametrize("cut", CUTS)
def test_every_cut_of_clothes_can_be_painted(cut: str) -> None:
    clothes = replace(draw_clothes(np.random.default_rng(0)), cut=cut)
    motion = draw_motion(np.zeros(2, np.float32), 25, np.random.default_rng(0))
    puppet = Puppet(look=draw_look(0, 0), clothes=clothes, scene=scene(), size=SIZE)
    frames = list(puppet.frames(motion, np.random.default_rng(0)))
    assert [f.shape for f in frames] == [(120, 160, 3)] * 2
    assert frames[0].dtype == np.uint8


def test_the_mouth_follows_the_sound() -> None:
    loud = np.linspace(0, 1, 50, dtype=np.float32)
    motion = draw_motion(loud, 25, np.random.default_rng(0))
    assert np.array_equal(motion.mouth, loud)
    assert motion.lids.min() == 0 and motion.lids.max() <= 1
