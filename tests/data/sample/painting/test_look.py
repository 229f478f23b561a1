"""Looks of drawn people."""

from mraf.data.sample.painting.hair import STYLES
from mraf.data.sample.painting.look import draw_look, is_female


def test_a_look_does_not_depend_on_the_others() -> None:
    assert draw_look(0, 5) == draw_look(0, 5)
    assert draw_look(0, 5) != draw_look(1, 5)
    assert len({draw_look(0, s) for s in range(60)}) == 60
    assert {is_female(0, s) for s in range(2)} == {True, False}


def test_only_men_have_beards_and_every_style_of_hair_is_known() -> None:
    looks = [draw_look(seed, s) for seed in range(3) for s in range(40)]
    assert all(look.beard == "none" for look in looks if look.female)
    assert {look.hair for look in looks} == set(STYLES) | {"bald", "scarf"}
