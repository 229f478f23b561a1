import numpy as np
import torch
import torch.nn.functional as F

from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.metric import TrainingModality, learn_metric
from mraf.prototypes.options import PrototypeOptions

# Speaker 0: recordings 0 and 1; speaker 1: recordings 2 and 3; speaker 2 has no clip.
LABEL = torch.tensor([0, 0, 0, 1, 1, 1])
RECORDING = torch.tensor([0, 0, 1, 2, 3, 3])


def made(present=None, shrinkage=1.0, x=None) -> TrainingModality:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(6, 4, generator=random) if x is None else x
    present = torch.ones(6, dtype=torch.bool) if present is None else present
    return TrainingModality.of(
        x,
        present=present,
        label=LABEL,
        recording=RECORDING,
        classes=3,
        shrinkage=shrinkage,
        centre=False,
    )


def test_the_own_prototype_leaves_the_clips_recording_out():
    modality = made()
    # Clip 2 is all of recording 1: its own prototype is the mean of the clips of recording 0.
    expected = F.normalize(modality.u[:2].mean(dim=0), dim=-1)
    np.testing.assert_allclose(modality.own_prototype[2], expected, atol=1e-6)


def test_missing_clips_are_zero_and_train_nothing():
    present = torch.tensor([True, True, False, True, True, True])
    modality = made(present)
    assert not modality.u[2].any() and not modality.own_prototype[2].any()
    spoiled = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    spoiled[2] = 99
    torch.testing.assert_close(made(present, x=spoiled).prototypes, modality.prototypes)


def test_an_episode_moves_clips_by_recording_differences_only():
    modality, index = made(), torch.tensor([0, 4])
    still, own = modality.episode(index, noise=0)
    torch.testing.assert_close(still, modality.u[index])
    torch.testing.assert_close(own, modality.own_prototype[index])
    moved, _ = modality.episode(index, noise=1.0)
    torch.testing.assert_close(moved.norm(dim=-1), torch.ones(2))
    for before, after in zip(still, moved, strict=True):
        # `after` is `before` plus a multiple of one of the differences, at unit length.
        bases = [torch.stack([before, difference]) for difference in modality.differences]
        residuals = [
            torch.linalg.lstsq(base.T, after[:, None], driver="gelsd").solution for base in bases
        ]
        errors = [
            (base.T @ solution - after[:, None]).norm()
            for base, solution in zip(bases, residuals, strict=True)
        ]
        assert min(errors) < 1e-5 and (after - before).norm() > 1e-3


def test_the_own_score_is_that_of_the_own_prototype():
    modality, index = made(), torch.arange(6)
    scores = modality.scores(index, LABEL, metric=None, noise=0)
    assert (scores[:, 2] == UNKNOWN).all()
    own = (modality.u * modality.own_prototype).sum(dim=-1)
    torch.testing.assert_close(scores[index, LABEL], own)
    torch.testing.assert_close(
        scores[index, 1 - LABEL], (modality.u @ modality.prototypes.T)[index, 1 - LABEL]
    )


def test_the_metric_shrinks_the_directions_in_which_recordings_differ():
    random = np.random.default_rng(0)
    label, recording = torch.arange(240) % 8, torch.arange(240) % 48
    speaker = random.normal(size=(8, 4)) * [1.0, 1.0, 0.0, 0.0]
    shift = random.normal(size=(48, 4)) * [0.1, 0.1, 1.0, 1.0]
    x = torch.tensor(speaker[label] + shift[recording], dtype=torch.float32)
    kinds = {"label": label, "recording": recording, "classes": 8, "shrinkage": 1.0}
    voice = TrainingModality.of(x, present=torch.ones(240, dtype=torch.bool), **kinds)
    face = TrainingModality.of(x, present=torch.zeros(240, dtype=torch.bool), **kinds)
    options = PrototypeOptions(steps=100, lr=1e-2, batch_size=64)
    metric = learn_metric(face, voice, label=label, recording=recording, options=options)
    lengths = metric.norm(dim=1)
    assert lengths[:2].min() > 1.2 * lengths[2:].max()


def test_without_steps_or_voices_the_metric_is_the_identity():
    nothing = torch.zeros(6, dtype=torch.bool)
    for voice, steps in ((made(), 0), (made(nothing), 5)):
        found = learn_metric(
            made(),
            voice,
            label=LABEL,
            recording=RECORDING,
            options=PrototypeOptions(steps=steps, batch_size=4),
        )
        torch.testing.assert_close(found, torch.eye(4))
