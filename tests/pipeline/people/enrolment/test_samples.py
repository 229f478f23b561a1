from dataclasses import replace

import numpy as np
import pytest

from mraf.data.clips.clip import Clip
from mraf.errors import UsageError
from mraf.pipeline.people.enrolment.samples import Sample, judged, log_odds, of_one_person
from tests.helpers.described_clips import FINGERPRINT, DescribedExtractor, clip, stored


@pytest.fixture
def sample(tmp_path):
    """A sample of a person, with other findings by name."""

    def make(name: str, who: str, **found: object) -> Sample:
        path = clip(tmp_path / name, who, **found)
        return Sample(path=name, row=stored(Clip(name, path), DescribedExtractor()))

    return make


def test_log_odds_tell_one_person_from_two(sample):
    rows = [sample(f"{who}{i}.mp4", who).row for who in ("ann", "ben") for i in range(2)]
    odds = log_odds(rows, FINGERPRINT)
    assert odds.shape == (4, 4) and odds[0, 1] > 3 and odds[2, 3] > 3 and (odds[:2, 2:] < -3).all()
    voice, face = (
        replace(rows[0], face=None, face_reason="no_face"),
        sample("c.mp4", "ann", voice=None),
    )
    assert log_odds([voice, face.row], FINGERPRINT)[0, 1] == 0
    with pytest.raises(UsageError, match="no odds were measured"):
        log_odds(rows, replace(FINGERPRINT, face="other"))


def test_speech_is_counted_over_all_clips(sample):
    short = [sample(f"{i}.mp4", "ann", face=None, speech=2.6) for i in range(2)]
    assert all(each.row is not None for each in judged(short))
    (alone,) = judged(short[:1])
    assert alone.row is None and "2.6 s of speech in all" in alone.refused


def test_the_smaller_group_is_refused_and_a_tie_refuses_all(sample):
    some = [sample(f"{i}.mp4", "ann") for i in range(3)] + [sample("4.mp4", "ben")]
    found = of_one_person(some, FINGERPRINT)
    assert [each.refused is None for each in found] == [True, True, True, False]
    assert all(each.refused for each in of_one_person(some[2:], FINGERPRINT))
    assert of_one_person(some[:1], FINGERPRINT) == some[:1]


def test_a_sample_that_is_refused_already_stays_so(sample):
    found = judged([Sample(path="x", refused="closed"), sample("1.mp4", "ann")])
    assert [each.refused for each in found] == ["closed", None]
    assert np.array_equal(found[1].row.voice, sample("1.mp4", "ann").row.voice)
