"""Motion of the drawn people."""

import numpy as np

from mraf.data.sample.painting.motion import draw_motion


def test_the_mouth_follows_the_sound() -> None:
    loud = np.linspace(0, 1, 50, dtype=np.float32)
    motion = draw_motion(loud, 25, np.random.default_rng(0))
    assert np.array_equal(motion.mouth, loud)
    assert motion.lids.min() == 0 and motion.lids.max() <= 1
