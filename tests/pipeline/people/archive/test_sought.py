import numpy as np
import torch

from mraf.pipeline.people.archive.sought import mean_vector
from mraf.prototypes.model import ClassMeans


def test_the_vector_that_a_mean_was_made_of():
    random = np.random.default_rng(0)
    part = ClassMeans(8, 2)
    x = torch.from_numpy(random.normal(size=8)).float()
    x = x / x.norm()
    part.mean.copy_(torch.from_numpy(0.2 * random.normal(size=8)))
    part.whitening.copy_(torch.from_numpy(np.eye(8) + 0.2 * random.normal(size=(8, 8))))
    white = (x - part.mean) @ part.whitening
    part.means[1] = 0.7 * white / white.norm()
    part.known[1] = True
    found = mean_vector(part, 1)
    assert found is not None and np.allclose(found, x.numpy(), atol=1e-5)
    assert mean_vector(part, 0) is None
