import numpy as np
import pytest

from mraf.inference.contradiction import reconcile


def posterior(*values: float) -> np.ndarray:
    rest = np.full(8 - len(values), (1 - sum(values)) / (8 - len(values)))
    return np.concatenate([values, rest]).astype(np.float32)


ANN, BOB = posterior(0.99, 0.001), posterior(0.001, 0.99)


def test_where_both_name_one_person_the_answer_stays_as_it_is():
    answer = reconcile(posterior(0.999), ANN, posterior(0.4))
    assert np.array_equal(answer.probability, posterior(0.999).astype(np.float64))
    assert answer.two == 0 and not answer.told


@pytest.mark.parametrize("fused", [posterior(0.9999), posterior(0.00001, 0.9999)])
def test_where_they_name_two_both_are_candidates_the_voice_first(fused):
    answer = reconcile(fused, ANN, BOB)
    assert answer.told and answer.two > 0.5
    assert answer.probability.argmax() == 1
    assert 0.15 < answer.probability[0] < 0.5 < answer.probability[1] < 0.9
    assert answer.probability.sum() == pytest.approx(1)


def test_an_undecided_voice_changes_little():
    undecided = posterior(0.2, 0.25)
    answer = reconcile(posterior(0.95, 0.01), ANN, undecided)
    assert not answer.told and answer.probability[0] > 0.9


@pytest.mark.parametrize("place", [1, 2])
def test_what_the_model_has_not_learned_contradicts_nothing(place):
    three = [ANN, ANN, BOB]
    three[place] = np.full(8, np.nan, np.float32)
    assert reconcile(*three).two == 0
