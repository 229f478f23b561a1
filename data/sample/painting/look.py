"""Look of a drawn person: the parameters of a face that does not exist.

Lengths are in head units: the origin lies between the eyes, x to the right of the picture, y down, and
a head is about 2.4 high. Colours are RGB in 0..1.
"""

from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

Colour = tuple[float, float, float]
T = TypeVar("T")


def colours(text: str) -> tuple[Colour, ...]:
    """Return colours that are written as "0.9 0.7 0.6, 0.7 0.5 0.4"."""
    red_green_blue = (map(float, each.split()) for each in text.split(","))
    return tuple((red, green, blue) for red, green, blue in red_green_blue)


SKINS = colours(
    "0.90 0.72 0.61, 0.74 0.53 0.40, 0.84 0.64 0.50, 0.47 0.31 0.23, 0.80 0.59 0.46, "
    "0.61 0.42 0.31, 0.90 0.73 0.63"
)
HAIR_COLOURS = colours(
    "0.09 0.07 0.06, 0.27 0.17 0.11, 0.05 0.05 0.06, 0.62 0.46 0.26, 0.42 0.22 0.12, "
    "0.15 0.10 0.08, 0.47 0.45 0.44"
)
IRISES = colours("0.25 0.15 0.09, 0.36 0.50 0.62, 0.33 0.22 0.11, 0.40 0.47 0.32, 0.17 0.11 0.08")
MALE_HAIR = ("side", "buzz", "quiff", "curly", "bald", "receding", "fringe", "swept")
FEMALE_HAIR = ("long", "bob", "scarf", "bun", "curls", "bangs", "wavy", "pixie")
BEARDS = ("none", "full", "stubble", "none", "moustache", "goatee")
GLASSES = ("none", "none", "round", "none", "square", "none", "none")
FABRICS = colours(
    "0.20 0.33 0.47, 0.56 0.22 0.25, 0.25 0.42 0.36, 0.80 0.74 0.64, 0.45 0.36 0.52, "
    "0.85 0.62 0.30, 0.30 0.31 0.35, 0.88 0.88 0.87, 0.66 0.42 0.33, 0.36 0.53 0.62"
)


@dataclass(frozen=True, kw_only=True)
class Look:
    """Parameters of a person's face and hair, the same in every recording."""

    female: bool
    age: float  # 0 young to 1 old
    skin: Colour
    hair: str  # one of MALE_HAIR or FEMALE_HAIR
    hair_colour: Colour
    hair_volume: float
    parting: float  # -1 left to 1 right
    scarf: Colour
    iris: Colour
    beard: str  # one of BEARDS
    glasses: str  # one of GLASSES
    face_width: float  # half the width at the cheeks
    jaw: float  # 0 pointed to 1 square
    taper: float  # how much narrower the jaw is than the cheeks
    chin: float  # y of the chin
    cheek: float  # height of the cheekbones
    eye_gap: float  # x of an eye's centre
    eye_width: float
    eye_height: float
    eye_tilt: float
    brow_y: float
    brow_thickness: float
    brow_arch: float
    brow_tilt: float
    nose_y: float  # y of the tip
    nose_width: float
    nose_bridge: float
    nose_depth: float
    mouth_y: float
    mouth_width: float
    upper_lip: float
    lower_lip: float
    lip_red: float
    smile: float
    ear: float
    freckles: float
    moles: tuple[tuple[float, float], ...]
    texture: int  # seed of skin and hair texture


def draw_look(seed: int, speaker: int) -> Look:
    """Draw the look of a speaker, which does not depend on the number of speakers."""
    rng = np.random.default_rng([seed, 31, speaker])
    female = is_female(seed, speaker)
    turn = speaker // 2  # the number among speakers of the same sex
    spread = partial(_spread, seed, speaker)
    cycle = partial(_cycle, seed)
    return Look(
        female=female,
        age=spread(1),
        skin=_tint(cycle(SKINS, 2, speaker), rng, 0.03),
        hair=cycle(FEMALE_HAIR if female else MALE_HAIR, 3, turn),
        hair_colour=_tint(cycle(HAIR_COLOURS, 4, speaker), rng, 0.02),
        hair_volume=float(rng.uniform(0.7, 1.3)),
        parting=float(rng.choice((-1, 1)) * rng.uniform(0.3, 0.9)),
        scarf=_tint(cycle(FABRICS, 5, turn), rng, 0.03),
        iris=_tint(cycle(IRISES, 6, speaker), rng, 0.02),
        beard="none" if female else cycle(BEARDS, 7, turn),
        glasses=cycle(GLASSES, 8, speaker),
        face_width=0.80 + 0.16 * spread(9) - 0.03 * female,
        jaw=spread(10) * (0.6 if female else 1.0),
        taper=0.05 + 0.22 * spread(11),
        chin=1.14 + 0.24 * spread(12) - 0.05 * female,
        cheek=float(rng.uniform(0.0, 1.0)),
        eye_gap=0.345 + 0.085 * spread(13),
        eye_width=0.165 + 0.05 * spread(14),
        eye_height=0.062 + 0.042 * spread(15) + 0.006 * female,
        eye_tilt=-0.025 + 0.06 * spread(16),
        brow_y=-0.215 - 0.10 * spread(17),
        brow_thickness=(0.022 if female else 0.032) + 0.03 * spread(18),
        brow_arch=float(rng.uniform(0.01, 0.09)),
        brow_tilt=float(rng.uniform(-0.02, 0.05)),
        nose_y=0.42 + 0.16 * spread(19),
        nose_width=0.145 + 0.075 * spread(20) - 0.015 * female,
        nose_bridge=0.095 + 0.05 * spread(21),
        nose_depth=0.17 + 0.12 * spread(22),
        mouth_y=0.76 + 0.09 * spread(23),
        mouth_width=0.27 + 0.11 * spread(24),
        upper_lip=0.035 + 0.045 * spread(25),
        lower_lip=0.055 + 0.055 * spread(26),
        lip_red=(0.62 if female else 0.38) + 0.35 * float(rng.random()),
        smile=float(rng.uniform(0.0, 0.045)),
        ear=float(rng.uniform(0.85, 1.2)),
        freckles=float(max(0.0, rng.uniform(-1.0, 0.8))),
        moles=tuple(
            (float(rng.uniform(-0.55, 0.55)), float(rng.uniform(0.25, 1.0)))
            for _ in range(int(rng.integers(0, 3)))
        ),
        texture=int(rng.integers(2**31)),
    )


def is_female(seed: int, speaker: int) -> bool:
    """Return True for a speaker who looks and sounds like a woman: every second one."""
    return (seed + speaker) % 2 == 1


def _spread(seed: int, speaker: int, key: int) -> float:
    """Return 0..1, far from the values of the speakers before (golden-ratio steps and jitter)."""
    # Each trait has its own stride, so that no two traits are correlated.
    rng = np.random.default_rng([seed, 32, key])
    start, stride = rng.random(), rng.choice((0.381966, 0.618034, 0.414214, 0.585786, 0.302776))
    jitter = np.random.default_rng([seed, 33, key, speaker]).uniform(-0.06, 0.06)
    return float((start + stride * speaker + jitter) % 1.0)


def _cycle(seed: int, choices: tuple[T, ...], key: int, turn: int) -> T:
    """Return one of the choices: all come once before any comes again, in an order of each round."""
    lap, place = divmod(turn, len(choices))
    order = np.random.default_rng([seed, 34, key, lap]).permutation(len(choices))
    return choices[int(order[place])]


def _tint(colour: Colour, rng: np.random.Generator, amount: float) -> Colour:
    red, green, blue = (np.array(colour) + rng.normal(0, amount, 3) * np.array(colour)).tolist()
    return red, green, blue
