"""Groups of clips by person, from made vectors."""

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.recognition.clusters import BOUND, Looks, average_linkage, cohesion, grouped, renumbered
from mraf.recognition.pairs import Pairs

PAIRS = Pairs(face_line=(20.0, -10.0), voice_line=(16.0, -8.0))


def looks(people, *, noise=0.3, faceless=(), voiceless=(), dims=(64, 48), seed=0) -> Looks:
    """Return clips of people, who are given by number, one a clip."""
    random = np.random.default_rng(seed)
    people = np.array(people, int)

    def vectors(dim):
        centres = random.normal(size=(people.max(initial=0) + 1, dim))
        return (7 * (centres[people] + noise * random.normal(size=(len(people), dim)))).astype("f4")

    missing = [np.isin(np.arange(len(people)), some) for some in (faceless, voiceless)]
    return Looks.of(vectors(dims[0]), ~missing[0], vectors(dims[1]), ~missing[1])


def test_people_are_found_without_their_number():
    people = np.random.default_rng(1).permutation(np.repeat(np.arange(12), 7))
    group = grouped(looks(people), PAIRS)
    assert group.max() == 11
    assert len({*zip(group.tolist(), people.tolist(), strict=True)}) == 12


def test_groups_are_numbered_in_the_order_in_which_they_begin():
    assert grouped(looks([2, 0, 2, 1, 0]), PAIRS).tolist() == [0, 1, 0, 2, 1]


def test_faces_and_voices_meet_through_clips_with_both():
    people = [0, 0, 0, 0, 1, 1, 1, 1]
    clips = looks(people, faceless=(0, 1, 4, 5), voiceless=(2, 6))
    assert grouped(clips, PAIRS).tolist() == people


def test_a_face_and_a_voice_that_nothing_connects_stay_apart():
    assert grouped(looks([0, 0], faceless=(0,), voiceless=(1,)), PAIRS).tolist() == [0, 1]
    four = grouped(looks([0] * 4, faceless=(0, 1), voiceless=(2, 3)), PAIRS)
    assert four.tolist() == [0, 0, 1, 1]


def test_few_clips():
    assert grouped(looks([]), PAIRS).tolist() == []
    assert grouped(looks([0]), PAIRS).tolist() == [0]
    assert grouped(looks([0, 1]), PAIRS).tolist() == [0, 1]


def test_identical_clips_are_one_person():
    one = looks([0])
    assert grouped(one.take(np.zeros(5, np.int64)), PAIRS).tolist() == [0] * 5


def test_tables_without_a_single_face():
    clips = looks([0, 0, 1])
    voices = Looks.of(
        np.zeros((3, 0), np.float32), np.zeros(3, bool), clips.voice, np.ones(3, bool)
    )
    assert grouped(voices, PAIRS).tolist() == [0, 0, 1]
    assert np.isnan(voices.cosines(clips)[0]).all()


def test_one_bad_pair_does_not_outvote_the_others():
    """Three voices and the own voice are like the others, one face is like none."""
    steep = Pairs(face_line=(200.0, -180.0), voice_line=PAIRS.voice_line)
    clips = looks([0] * 6, noise=0.1, faceless=range(4))
    face = clips.face.copy()
    face[5] = np.eye(64, dtype=np.float32)[0]
    odd = Looks(face=face, faces=clips.faces, voice=clips.voice, voices=clips.voices)
    assert odd.odds(odd, steep).min() < -10 * BOUND
    assert grouped(odd, steep).tolist() == [0] * 6


def test_more_clips_than_are_compared_at_once_give_the_same_groups():
    people = np.repeat(np.arange(10), 30)  # in the order of their folders
    clips = looks(people, faceless=range(0, 300, 7), voiceless=range(3, 300, 11))
    assert (grouped(clips, PAIRS, limit=64) == grouped(clips, PAIRS)).all()


def test_more_groups_than_can_be_compared_are_refused():
    with pytest.raises(UsageError, match="100 clips make more than 64 groups"):
        grouped(looks(range(100)), PAIRS, limit=64)


def test_the_dot_product_of_means_is_the_mean_cosine():
    clips = looks([0, 0, 0, 1, 1], noise=0.8, faceless=(1,))
    means = clips.means(np.array([0, 0, 0, 1, 1]))
    assert means.faces.tolist() == [2, 2] and means.voices.tolist() == [3, 2]
    pairs = clips.face[[0, 2]] @ clips.face[3:].T
    assert means.cosines(means)[0][0, 1] == pytest.approx(pairs.mean(), abs=1e-6)


def test_cohesion_tells_the_clip_that_fits_least():
    people = [0, 0, 0, 0, 1]
    found = cohesion(looks(people), np.array([0, 0, 0, 0, 0]), PAIRS)
    assert found.argmin() == 4 and found[4] < 0 and (found[:4] > found[4] + 2).all()


def test_cohesion_of_one_that_cannot_be_compared():
    clips = looks([0, 0, 1], faceless=(0,), voiceless=(1,))
    assert np.isnan(cohesion(clips, np.array([0, 0, 1]), PAIRS)).all()


@pytest.mark.parametrize(("before", "after"), [([3, -1, 3, 1], [0, -1, 0, 1]), ([], [])])
def test_groups_are_numbered_in_their_order(before, after):
    assert renumbered(np.array(before, int)).tolist() == after


def test_pairs_that_are_apart_are_never_in_one_group():
    alike = np.full((5, 5), 6.0)
    alike[4, :] = alike[:, 4] = -6.0

    def groups(*apart):
        pairs = np.array(apart, int).reshape(-1, 2)
        found = average_linkage(lambda rows: alike[rows, rows.start :], 5, 0.0, pairs)
        return renumbered(found).tolist()

    assert groups() == [0, 0, 0, 0, 1]
    for one, other in ((0, 1), (3, 2), (1, 3)):
        found = groups((one, other))
        assert found[one] != found[other] and len(set(found)) == 3
    assert len(set(groups((0, 1), (0, 2), (1, 2)))) == 4


@pytest.mark.parametrize("number", [0, 1])
def test_none_and_one_are_grouped_without_being_compared(number):
    assert average_linkage(lambda rows: 1 / 0, number, 0.0).tolist() == [0] * number
