import numpy as np
import torch

from mraf.episodic.heads import PrototypeHead
from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.recordings import Recordings


def test_scores_are_cosines_less_the_offset():
    head = PrototypeHead(2, 3)
    head.prototypes.copy_(torch.tensor([[1.0, 0], [0.6, 0.8], [0, 0]]))
    head.offset.copy_(torch.tensor([0.1, 0, 0]))
    head.known.copy_(torch.tensor([True, True, False]))
    e = torch.tensor([[0.0, 5.0]])
    np.testing.assert_allclose(head(e), [[-0.1, 0.8, UNKNOWN]], atol=1e-6)
    np.testing.assert_allclose(head.cosine(e), [[0, 0.8, UNKNOWN]], atol=1e-6)


def test_prototypes_are_means_of_recordings_and_offsets_have_mean_zero():
    # Speaker 0: a recording of two clips and one of one; speaker 1: one clip; speaker 2: none.
    e = torch.tensor([[2.0, 0], [1.0, 0], [0, 3.0], [-1.0, 1.0]])
    recordings = Recordings.of(torch.tensor([0, 0, 0, 1]), torch.tensor([0, 0, 1, 2]), 3)
    head = PrototypeHead(2, 3)
    head.fill(e, recordings, 0.5)
    half = 0.5**0.5
    np.testing.assert_allclose(head.prototypes, [[half, half], [-half, half], [0, 0]], atol=1e-6)
    assert head.known.tolist() == [True, True, False]
    # The impostor of prototype 0 is orthogonal to it; those of prototype 1 have |cosine| sqrt(.5).
    np.testing.assert_allclose(head.offset, [-half / 4, half / 4, 0], atol=1e-6)


def test_nothing_is_known_without_clips():
    head, nothing = PrototypeHead(2, 3), torch.zeros(0, dtype=torch.long)
    head.fill(torch.zeros(0, 2), Recordings.of(nothing, nothing, 3), 0.5)
    assert not head.known.any()
    assert (head(torch.ones(1, 2)) == UNKNOWN).all()
