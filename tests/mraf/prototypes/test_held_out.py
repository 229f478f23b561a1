import numpy as np
import torch

from mraf.network.batches import Batch
from mraf.prototypes.fit import fit_uncalibrated
from mraf.prototypes.fusion import UNKNOWN
from mraf.prototypes.held_out import HeldOutScores
from mraf.prototypes.options import PrototypicalOptions
from tests.mraf.conftest import made_features


def made() -> HeldOutScores:
    return HeldOutScores(
        face=torch.arange(8.0).reshape(4, 2),
        voice=-torch.arange(8.0).reshape(4, 2),
        face_present=torch.tensor([True, True, False, False]),
        voice_present=torch.tensor([True, False, True, False]),
        label=torch.tensor([0, 1, 0, 1]),
    )


def test_clips_are_chosen_by_their_modalities_and_the_other_is_hidden():
    scores = made()
    both, voice, face = (scores.with_modalities(n) for n in ("face_voice", "voice", "face"))
    assert both.label.tolist() == [0] and both.face_present.all() and both.voice_present.all()
    assert voice.label.tolist() == [0, 0] and not voice.face_present.any()
    assert face.label.tolist() == [0, 1] and not face.voice_present.any()


def test_joined_parts_keep_their_rows_together():
    scores = made()
    joined = HeldOutScores.joined([scores.take(torch.tensor([3, 1])), scores], 2)
    assert len(joined) == 6
    np.testing.assert_array_equal(joined.face[0], scores.face[3])
    np.testing.assert_array_equal(joined.label, [1, 1, 0, 1, 0, 1])
    nothing = HeldOutScores.joined([], 5)
    assert len(nothing) == 0 and nothing.face.shape == nothing.voice.shape == (0, 5)


def test_a_missing_modality_and_one_without_prototypes_are_unknown():
    features = made_features(missing=0.3)
    model = fit_uncalibrated(features.without_voice(), 6, PrototypicalOptions.plain())
    scores = HeldOutScores.of(model, Batch.of(features, "cpu"))
    np.testing.assert_array_equal(scores.face_present, features.face_present)
    assert ((scores.face > UNKNOWN).all(dim=1) == scores.face_present).all()
    assert not scores.voice_present.any() and (scores.voice == UNKNOWN).all()


def test_fused_scores_are_those_of_the_model():
    features = made_features()
    model = fit_uncalibrated(features, 6, PrototypicalOptions.plain())
    samples = Batch.of(features, "cpu")
    expected = model(samples.face, samples.voice, samples.face_present, samples.voice_present)
    found = HeldOutScores.of(model, samples).fused(model)
    torch.testing.assert_close(found, expected.fusion_logits)
