import threading

import numpy as np
import pytest

from mraf.extractors.streaming.stream import Slices
from mraf.pipeline.timeline.observation.a_pass import Pass
from mraf.pipeline.timeline.observation.observers import Observers
from tests.helpers.media_files import write_media
from tests.helpers.observers import Ears, Eyes
from tests.helpers.timed_files import shade, write_timed

WAVE = np.random.default_rng(0).normal(0, 0.1, 150 * 16_000).astype(np.float32)


class Waiting(Ears):
    """Ears that go on only when another pair listens as well."""

    def __init__(self, both: threading.Barrier):
        super().__init__()
        self._both = both

    def observe(self, wave, start, stop):
        if start < 120:  # the last of three parts has no other beside it
            self._both.wait(timeout=300)
        return super().observe(wave, start, stop)


def test_two_parts_of_sound_alone_are_listened_to_at_once(tmp_path):
    path = write_media(tmp_path / "talk.wav", wave=WAVE, audio_codec="pcm_s16le")
    both = threading.Barrier(2)
    one, two = Waiting(both), Waiting(both)
    observers = Observers(sound=one, picture=Eyes(), second=lambda: two)
    with Slices(path) as found, Pass(found, observers) as each:
        parts = list(each.parts())
    assert [(index, part.start, part.stop) for index, part in parts] == [
        (0, 0, 60),
        (1, 60, 120),
        (2, 120, 150),
    ]
    assert len(one.calls) + len(two.calls) == 3 and one.calls and two.calls


def test_beside_a_picture_one_pair_of_ears_listens(tmp_path):
    pictures = [(float(k), shade(40 + k, 16, 16)) for k in range(4)]
    path = write_timed(tmp_path / "film.mkv", pictures, [(0.0, WAVE[: 4 * 16_000])])

    def no_more():
        pytest.fail("a second pair of ears was loaded")

    ears = Ears()
    with (
        Slices(path) as found,
        Pass(found, Observers(sound=ears, picture=Eyes(), second=no_more)) as each,
    ):
        assert len(list(each.parts())) == 1
    assert len(ears.calls) == 1
