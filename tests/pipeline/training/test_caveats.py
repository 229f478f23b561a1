"""Caveats of a training, by its figures alone."""

from mraf.pipeline.training.caveats import _unnamed


def test_it_is_noted_by_what_nobody_is_named():
    measured = {"threshold": 0.7, "known": {}}
    found = {"face_voice": {"threshold": 1.0}, "voice": measured, "face": {"threshold": 1.0}}
    (note,) = _unnamed(found)
    assert note.startswith("By face and voice together and by the face alone nobody is named")
    assert _unnamed({**found, "face_voice": measured, "face": measured}) == [] == _unnamed({})
