from dataclasses import replace

import numpy as np
import pytest

from mraf.pipeline.polysim.agreement import Compared, agreement_of, notes_on


def turned(vector, cosine, axis):
    """A vector of another length with this cosine to a unit vector without that axis."""
    other = np.zeros_like(vector)
    other[axis] = 1.0
    return 7 * (cosine * vector + np.sqrt(1 - cosine**2) * other)


def clips(*cosines, whole=1.0, alike=0.0):
    """Compared clips of one speaker each; `alike` is the cosine of their published vectors."""
    every = np.zeros(100)
    every[99] = 1.0
    made = []
    for number, cosine in enumerate(cosines):
        published = turned(every, np.sqrt(alike), number) / 7
        found = None if cosine is None else turned(published, cosine, 50)
        made.append(
            Compared(
                speaker=f"id{number}",
                published=published,
                found=found,
                whole=turned(published, whole, 51),
                reason="no_face" if found is None else None,
            )
        )
    return made


@pytest.mark.parametrize(
    ("cosines", "alike", "verdict"),
    [
        ([1.0] * 20, 0.1, "the same"),
        ([0.991] * 20, 0.98, "the same"),
        ([1.0] * 18 + [0.2] * 2, 0.1, "mostly the same"),
        ([0.95] * 20, 0.1, "close"),
        ([0.5] * 20, 0.1, "different"),
        ([0.5] * 20, 1.0, "different"),
        ([0.995] * 20, 0.999, "unclear"),
        ([0.95] * 20, 0.97, "unclear"),
        ([None] * 20, 0.1, "not measured"),
    ],
)
def test_verdicts(cosines, alike, verdict):
    found = agreement_of(clips(*cosines, alike=alike))
    assert found.verdict == verdict
    assert found.strangers == pytest.approx(alike)


def test_cosines_are_those_of_the_clips_that_have_both_vectors():
    some = clips(0.9, 0.8, None, 0.7, whole=0.6)
    some[3] = replace(some[3], published=None)
    found = agreement_of(some)
    assert (found.found.n, found.whole.n, found.not_found.n, found.unpublished) == (2, 3, 1, 1)
    assert found.found.median == pytest.approx(0.85) and found.found.p5 == pytest.approx(0.805)
    assert found.not_found.median == pytest.approx(0.6) and found.reasons == {"no_face": 1}


def test_clips_of_one_speaker_or_of_none_say_nothing_about_strangers():
    one, two = clips(1.0, 1.0)
    for speaker in ("id0", None):
        assert agreement_of([one, replace(two, speaker=speaker)]).strangers is None


def test_notes_say_what_limits_the_figures():
    few = agreement_of(clips(0.5, 0.6, whole=0.8))
    first, second = notes_on(few, "face", whole="whole picture")
    assert "2 of the clips only" in first and "comes closer" in second and "0.800" in second
    assert not list(notes_on(agreement_of(clips(*[1.0] * 20)), "face", whole="whole picture"))
    (unclear,) = notes_on(agreement_of(clips(*[1.0] * 20, alike=0.995)), "face", whole="-")
    assert "much alike (0.995)" in unclear
