import numpy as np
import pytest

from mraf.extractors.streaming.parts import Observed
from mraf.pipeline.timeline.turns.sound import changes, gather
from tests.helpers.made_sound import parts

TURNS = [(1.0, 30.0, "ann"), (30.1, 58.0, "bob"), (61.0, 75.0, "ann")]


def test_parts_become_one_sound_and_are_read_once():
    sound = gather(iter(parts(TURNS, 80.0)))
    assert sound is not None and sound.stop == 80
    assert np.all(np.diff(sound.starts) == 2.5)
    assert len(sound.spans) == len(sound.vectors) and (np.diff(sound.spans[:, 0]) > 0).all()
    speaks = sound.frames.speaks
    time = np.array([sound.frames.at(i) for i in range(len(speaks))])
    assert (
        speaks[(time > 1.1) & (time < 29.9)].all()
        and not speaks[(time > 58.1) & (time < 60.9)].any()
    )


def test_parts_without_sound_are_passed_over():
    silent = Observed(start=0.0, stop=60.0, heard=None, seen=None)
    assert gather([]) is None and gather([silent]) is None
    later = parts(TURNS, 80.0)[1]
    sound = gather([silent, later])
    assert sound is not None and sound.spans.min() >= 60


def test_another_local_speaker_is_a_change():
    sound = gather(parts(TURNS, 80.0))
    assert sound is not None
    found, starts = changes(sound), sound.spans[:, 0]
    first_of_bob = int(np.flatnonzero(starts > 30)[0])
    assert found[first_of_bob] == pytest.approx(1)
    assert found[0] == 0.5 and found[1:first_of_bob].max() == 0
