from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from mraf.architectures import build
from mraf.checkpoint import Checkpoint, load, save
from mraf.errors import UsageError
from mraf.prediction import predict
from mraf.prototypes.fit import Scores, calibrate, enrol, train_head
from mraf.prototypes.model import PrototypicalConfig, PrototypicalMRAF
from mraf.prototypes.options import PrototypicalOptions
from mraf.prototypes.reliability import UNKNOWN, describe
from tests.mraf.conftest import made_features

CPU = torch.device("cpu")
QUICK = PrototypicalOptions(steps=2, batch_size=16, head_steps=5, head_batch=16, folds=2)
C = 12


def made_scores(n=400, wrong_faces=0.0, seed=0) -> Scores:
    """Good faces and poorer voices of C speakers; some faces are another speaker's."""
    random = torch.Generator().manual_seed(seed)

    def draw(label, height):
        return 0.12 * torch.randn(n, C, generator=random) + height * torch.eye(C)[label]

    label = torch.randint(C, (n,), generator=random)
    swapped = torch.rand(n, generator=random) < wrong_faces
    shown = torch.where(swapped, (label + 1) % C, label)
    here = torch.ones(n, dtype=torch.bool)
    # A wrong face is near nobody: its best score is low.
    face = draw(shown, 0.8) * torch.where(swapped, 0.6, 1.0)[:, None]
    return Scores(face, draw(label, 0.5), here, here, label)


def made_model(options: PrototypicalOptions) -> PrototypicalMRAF:
    torch.manual_seed(0)
    head = {
        "attention": options.attention,
        "learn_reliability": options.learn_reliability,
        "missing_token": options.missing_token,
        "limit": options.head_limit,
    }
    return PrototypicalMRAF(PrototypicalConfig(2, 2, C, candidates=options.candidates, **head))


def trained(scores: Scores, **changes: object) -> PrototypicalMRAF:
    options = PrototypicalOptions(
        **{"head_steps": 60, "head_batch": 64, "head_limit": 1, **changes}
    )
    model = made_model(options)
    calibrate(model, scores)
    train_head(model, scores, options)
    return model


def fuse(model, s: Scores):
    with torch.no_grad():
        return model.fuse(s.face, s.voice, s.face_present, s.voice_present)


def accuracy(model, s: Scores) -> float:
    return float((fuse(model, s)[0].argmax(dim=1) == s.label).double().mean())


def randomise(model):
    torch.manual_seed(1)
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter)
    return model


def test_starts_as_fixed_reliability():
    scores = made_scores()
    for mine, theirs in zip(
        fuse(made_model(PrototypicalOptions()), scores),
        fuse(made_model(PrototypicalOptions(candidates=0)), scores),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)


def test_learns_to_distrust_wrong_faces():
    model = trained(made_scores(wrong_faces=0.2))
    test = made_scores(wrong_faces=0.5, seed=1)
    fixed = made_model(PrototypicalOptions(candidates=0))
    assert accuracy(model, test) > accuracy(fixed, test) + 0.05
    ratio = fuse(model, test)[1] / fuse(fixed, test)[1]
    wrong = test.face.argmax(dim=1) != test.label
    assert ratio[wrong].mean() < ratio[~wrong].mean()


def test_reliabilities_change_by_nothing_on_average():
    scores = made_scores(wrong_faces=0.1)
    model, fixed = trained(scores), made_model(PrototypicalOptions(candidates=0))
    for mine, theirs in zip(fuse(model, scores)[1:], fuse(fixed, scores)[1:], strict=True):
        change = (mine / theirs).log()
        assert abs(change.mean()) < 1e-4 and change.std() > 1e-3 and change.abs().max() < 2


def test_without_learned_reliability_only_the_scale_changes():
    scores = made_scores(wrong_faces=0.2)
    found = fuse(trained(scores, learn_reliability=False), scores)
    fixed = fuse(made_model(PrototypicalOptions(candidates=0)), scores)
    torch.testing.assert_close(found[1:], fixed[1:], rtol=0, atol=0)
    scale = found[0] / fixed[0]
    torch.testing.assert_close(scale, scale[:, :1].expand_as(scale), rtol=1e-3, atol=1e-4)
    assert scale[:, 0].std() > 1e-3


@pytest.mark.parametrize(("attention", "depends"), [(True, True), (False, False)])
def test_only_cross_attention_tells_one_modality_of_the_other(attention, depends):
    model = randomise(made_model(PrototypicalOptions(attention=attention, head_limit=100)))
    model.head.candidates = C  # so that the voice does not choose whom the face is asked about
    model.head.face.position = torch.nn.Parameter(torch.zeros(C, 16))
    model.head.voice.position = torch.nn.Parameter(torch.zeros(C, 16))
    s = made_scores(n=8)
    r_f, r_a = torch.ones(8), torch.ones(8)
    with torch.no_grad():
        one = model.head(s.face, s.voice, s.face, r_f, r_a)
        other = model.head(s.face, s.voice.flip(0), s.face, r_f, r_a)
    assert torch.allclose(one.log_r_f, other.log_r_f) is not depends


def test_the_zero_token_stays_zero_and_the_learned_one_learns():
    scores = made_scores()
    zero = trained(scores, missing_token="zero")
    assert not zero.head.face.missing.any() and not zero.head.voice.missing.any()
    assert "head.face.missing" not in dict(zero.named_parameters())
    assert "head.face.missing" in dict(trained(scores).named_parameters())


def test_a_missing_face_is_never_looked_at():
    model, s = randomise(made_model(PrototypicalOptions())), made_scores(n=8)
    hidden = s.setting("voice")
    other = replace(hidden, face=torch.full_like(s.face, torch.nan))
    for mine, theirs in zip(fuse(model, hidden), fuse(model, other), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
    assert (fuse(model, hidden)[1] == 0).all()


def test_features_of_candidates():
    score = torch.tensor([[0.9, 0.1, 0.5, UNKNOWN]])
    told, known = describe(score, torch.tensor([[0, 2, 3]]))
    assert known.tolist() == [[True, True, False]]
    spread = np.std([0.9, 0.1, 0.5])
    np.testing.assert_allclose(told[0, 0], [0.9, 0.4, 0.4 / spread, 0], atol=1e-5)
    np.testing.assert_allclose(told[0, 1], [0.5, -0.4, 0, np.log(2)], atol=1e-5)
    assert (told[0, 2] == 0).all()
    alone, _ = describe(torch.tensor([[UNKNOWN, 0.4, UNKNOWN]]), torch.tensor([[1, 0]]))
    assert alone.isfinite().all()


def same(a, b):
    for mine, theirs in zip(vars(a).values(), vars(b).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_is_saved_and_built_from_its_configuration_alone(tmp_path):
    features = made_features(recordings=4)
    changes = {"candidates": 3, "attention": False, "missing_token": "zero", "head_dim": 8}
    for options in (QUICK, replace(QUICK, **changes), replace(QUICK, candidates=0)):
        model, _ = enrol(features, 6, options, CPU)
        save(tmp_path / "m", Checkpoint(model, tuple("abcdef"), {}, {}), "")
        same(predict(load(tmp_path / "m").model, features), predict(model, features))
        assert build("mraf-prototypes", asdict(model.config)).config == model.config
    assert model.head is None


def test_the_same_seed_gives_the_same_model():
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(predict(enrol(made_features(), 6, QUICK, CPU)[0], made_features()))
    same(*found)


def test_no_held_out_recording_leaves_the_head_as_it_starts():
    features = made_features(recordings=1)
    model, _ = enrol(features, 6, QUICK, CPU)
    assert not model.head.scale.weight.any() and not model.head.of_face.score.weight.any()


@pytest.mark.parametrize("changes", [{}, {"candidates": 5}, {"head_layers": 0}])
@pytest.mark.parametrize("hide", ["none", "faces", "voices", "some", "a speaker's faces"])
def test_trains_on_whatever_there_is(changes, hide):
    features = made_features(speakers=2, recordings=4, missing=0.4 if hide == "some" else 0.0)
    if hide == "faces":
        features = features.without_face()
    elif hide == "voices":
        features = features.without_voice()
    elif hide == "a speaker's faces":
        features = replace(features, face_present=features.label != 1)
    model, _ = enrol(features, 2, replace(QUICK, **changes), CPU)
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    here = features.face_present | features.voice_present
    found = predict(model, features)
    assert np.isfinite(found.probability[here]).all()
    assert (found.face_weight[~features.face_present] == 0).all()
    assert (found.voice_weight[~features.voice_present] == 0).all()


@pytest.mark.parametrize(
    "changes",
    [{"limit": 0}, {"candidates": -1}, {"dim": 7}, {"attention": 1}, {"missing_token": "memory"}],
)
def test_wrong_shapes_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypicalConfig(2, 2, 2, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"head_lr": 0},
        {"head_dim": 5},
        {"wrong_faces": 2},
        {"missing_token": "x"},
        {"head_batch": 1},
    ],
)
def test_wrong_options_are_named(changes):
    with pytest.raises(UsageError, match=next(iter(changes))):
        PrototypicalOptions(**changes)
