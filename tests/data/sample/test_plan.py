"""The plan of the sample videos: few clips hide a face or a voice, and no recording loses all of them."""

from dataclasses import replace

import pytest

from mraf.data.sample.plan import SampleOptions, plan_takes


def test_shares_of_hidden_faces_and_voices_in_the_default_set() -> None:
    recordings = plan_takes(SampleOptions())
    takes = [take for recording in recordings for take in recording]
    faceless = [t for t in takes if t.face != "seen"]
    silent = [t for t in takes if t.sound != "speech"]
    assert len(takes) == 180
    assert 0.08 <= len(faceless) / len(takes) <= 0.12
    assert 0.02 <= len(silent) / len(takes) <= 0.05
    for language in ("English", "Urdu"):
        assert {t.face for t in faceless if t.language == language} >= {"hand", "turned_away"}
        assert any(t.language == language for t in silent)


@pytest.mark.parametrize("clips", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(8))
def test_no_recording_loses_all_faces_or_sounds(seed: int, clips: int) -> None:
    options = SampleOptions(speakers=30, seed=seed, clips=clips)
    recordings = plan_takes(options)
    for takes in recordings:
        assert any(t.face == "seen" for t in takes)
        assert any(t.sound == "speech" for t in takes)
        assert not any(t.face != "seen" and t.sound != "speech" for t in takes)
    earlier = {t for r in plan_takes(replace(options, speakers=9)) for t in r}
    assert earlier <= {t for r in recordings for t in r}
