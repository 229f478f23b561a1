"""Rooms behind the drawn people."""

from dataclasses import replace

import numpy as np
import pytest

from mraf.data.sample.painting.room import BACKDROPS, draw_scene, paint_room


@pytest.mark.parametrize("backdrop", list(BACKDROPS))
def test_every_backdrop_is_out_of_focus(backdrop: str) -> None:
    room = paint_room(replace(draw_scene(np.random.default_rng(0)), backdrop=backdrop), 120, 160)
    assert room.shape == (120, 160, 3)
    assert 0 <= room.min() < room.max() <= 1
    assert np.abs(np.diff(room, axis=1)).max() < 0.3
