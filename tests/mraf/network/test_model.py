import itertools
from dataclasses import fields
from typing import get_args

import numpy as np
import pytest
import torch

from mraf.errors import UsageError
from mraf.network.model import MRAF, MRAFConfig
from mraf.network.options import FusionName, MissingInput, NetworkOptions, TrainOptions
from tests.mraf.conftest import SMALL
from tests.mraf.network.authors_reference import AuthorsReference
from tests.mraf.network.reference import Reference

AUTHORS = {each.name: getattr(TrainOptions.authors(), each.name) for each in fields(NetworkOptions)}


def small_model(**changes) -> MRAF:
    model = MRAF(MRAFConfig(face_dim=10, voice_dim=8, classes=5, **{**changes, **SMALL}))
    with torch.no_grad():  # norms and biases away from 1 and 0, so that they count
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def inputs(n=8):
    masks = list(itertools.product([True, False], repeat=2)) * (n // 4)
    present = torch.tensor(masks)
    return torch.randn(n, 10), 200 * torch.randn(n, 8), present[:, 0], present[:, 1]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"residual": "tokens"},
        {"missing_token": "zero"},
        {"missing_token": "zero", "residual": "tokens"},
        {"layers": 2},
        {"inputs": "unit"},
        {"inputs": "raw"},
    ],
    ids=str,
)
@pytest.mark.parametrize("grad", [True, False])
def test_equations_2_to_14_against_numpy(changes, grad):
    model = small_model(**changes)
    face, voice, face_present, voice_present = inputs()
    with torch.set_grad_enabled(grad):
        out = model(face, voice, face_present, voice_present)
    weights = {k: v.double().numpy() for k, v in model.state_dict().items()}
    check(out, Reference(weights, model.config), (face, voice, face_present, voice_present))


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("grad", [True, False])
def test_the_network_of_the_authors_code_against_numpy(layers, grad):
    model = small_model(**{**AUTHORS, "layers": layers})
    with torch.set_grad_enabled(grad):
        out = model(*(args := inputs()))
    weights = {k: v.double().numpy() for k, v in model.state_dict().items()}
    check(out, AuthorsReference(weights, model.config), args)


@pytest.mark.parametrize(
    "name", [name for name, value in AUTHORS.items() if value != getattr(TrainOptions(), name)]
)
def test_each_difference_of_the_authors_code_is_an_option_of_its_own(name):
    """From the same random numbers, one option alone gives another network."""
    outputs = []
    for changes in ({}, {name: AUTHORS[name]}):
        torch.manual_seed(0)
        sizes = {**SMALL, "ffn": changes.get("ffn", 48)}
        model = MRAF(MRAFConfig(face_dim=10, voice_dim=8, classes=5, **{**changes, **sizes})).eval()
        torch.manual_seed(1)
        out = model(*inputs(4))
        outputs.append(torch.cat([out.face_logits, out.fusion_logits], dim=1))
        outputs[-1].sum().backward()
        assert torch.isfinite(model.face_head.weight.grad).all()
    assert not torch.allclose(*outputs, atol=1e-4)


def check(out, reference, args):
    """Compare the output for each clip with the reference's."""
    face, voice, face_present, voice_present = args
    for i in range(len(face)):
        x_f = face[i].double().numpy() if face_present[i] else None
        x_a = voice[i].double().numpy() if voice_present[i] else None
        for name, expected in reference(x_f, x_a).items():
            found = getattr(out, name)[i].detach().numpy()
            np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5, err_msg=name)


def test_weights_are_zero_for_what_is_missing_and_sum_to_one():
    out = small_model()(*inputs(4))  # both, face only, voice only, neither
    assert out.w_f[2] == out.w_f[3] == out.w_a[1] == out.w_a[3] == 0
    assert out.r_f[2] == out.r_f[3] == out.r_a[1] == out.r_a[3] == 0
    torch.testing.assert_close((out.w_f + out.w_a)[:3], torch.ones(3), atol=1e-5, rtol=0)
    assert 0 < out.w_f[0] < 1


def test_embeddings_have_unit_length():
    out = small_model()(*inputs())
    torch.testing.assert_close(out.e_f.norm(dim=1), torch.ones(8))
    torch.testing.assert_close(out.e_a.norm(dim=1), torch.ones(8))


def test_the_starts_of_positions_and_missing_tokens():
    paper, authors = (
        MRAF(MRAFConfig(face_dim=4000, voice_dim=8, classes=5, **{**options, **SMALL}))
        for options in ({}, AUTHORS)
    )
    assert float(paper.face.position.detach().std()) == pytest.approx(0.02, rel=0.3)
    assert not authors.face.position.any()
    for model, start in ((paper, 1.0), (authors, 0.02)):
        assert float(model.missing_face.token.detach().std()) == pytest.approx(start, rel=0.1)


@pytest.mark.parametrize("fusion", get_args(FusionName))
@pytest.mark.parametrize("missing_token", get_args(MissingInput))
@pytest.mark.parametrize("others", [{}, AUTHORS], ids=["paper", "authors"])
def test_an_answer_depends_on_its_own_clip_alone(fusion, missing_token, others):
    model = small_model(**{**others, "fusion": fusion, "missing_token": missing_token})
    face, voice, face_present, voice_present = inputs()
    together = model(face, voice, face_present, voice_present).fusion_logits
    for i in range(8):
        s = slice(i, i + 1)
        alone = model(face[s], voice[s], face_present[s], voice_present[s]).fusion_logits
        torch.testing.assert_close(alone[0], together[i], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("filler", [0.0, 1e30, float("nan"), float("inf")])
@pytest.mark.parametrize("missing_token", get_args(MissingInput))
@pytest.mark.parametrize("inputs_are", ["scaled", "raw"])
def test_values_in_absent_rows_are_ignored(filler, missing_token, inputs_are):
    model = small_model(missing_token=missing_token, inputs=inputs_are)
    face, voice, face_present, voice_present = inputs()
    before = model(face, voice, face_present, voice_present).fusion_logits
    face, voice = face.clone(), voice.clone()
    face[~face_present], voice[~voice_present] = filler, filler
    after = model(face, voice, face_present, voice_present).fusion_logits
    assert torch.equal(before, after)
    after.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_length_of_inputs_does_not_matter():
    model = small_model()
    face, voice, *present = inputs()
    scaled = model(face * 7, voice / 250, *present).fusion_logits
    torch.testing.assert_close(scaled, model(face, voice, *present).fusion_logits)


def test_with_the_residual_of_tokens_the_fusion_teaches_both_missing_tokens():
    model = small_model(residual="tokens")
    model(*inputs()).fusion_logits.square().sum().backward()
    assert model.missing_face.token.grad.abs().max() > 0
    assert model.missing_voice.token.grad.abs().max() > 0


def test_with_the_weighted_residual_the_missing_token_cannot_reach_the_fusion():
    model = small_model()
    before = model(*(args := inputs())).fusion_logits
    with torch.no_grad():
        model.missing_face.token += 1
        model.missing_voice.token += 1
    assert torch.equal(before, model(*args).fusion_logits)


def test_zero_token_is_no_parameter():
    model = small_model(missing_token="zero")
    assert not any("missing" in name for name, _ in model.named_parameters())
    assert not model.missing_face.token.any()


def test_answers_about_encoded_clips_are_those_of_the_whole_network():
    """As in training, where clips are encoded once and shown in several ways."""
    model = small_model()
    face, voice, face_present, voice_present = inputs()
    yes = torch.ones(8, dtype=torch.bool)
    clips = model.encode(face, voice, yes, yes)
    found = vars(model.answer(clips, face_present, voice_present))
    for name, expected in vars(model(face, voice, face_present, voice_present)).items():
        torch.testing.assert_close(found[name], expected, msg=name)
    assert len(clips.missing_face.embedding) == 1


def test_without_scaling_the_length_of_inputs_counts():
    model = small_model(inputs="raw")
    face, voice, *present = inputs()
    out = model(face, voice, *present).fusion_logits
    assert not torch.allclose(model(face * 7, voice, *present).fusion_logits, out, atol=1e-3)
    unit = torch.nn.functional.normalize
    for kind, lengths in (("unit", (1, 1)), ("scaled", (10**0.5, 8**0.5))):
        other = small_model(inputs=kind)
        other.load_state_dict(model.state_dict())
        expected = model(lengths[0] * unit(face), lengths[1] * unit(voice), *present)
        found = other(face, voice, *present)
        torch.testing.assert_close(found.fusion_logits, expected.fusion_logits)


def test_a_modality_that_was_never_trained_is_not_used():
    model, (face, voice, face_present, voice_present) = small_model(), inputs()
    expected = model(face, voice, face_present, voice_present & False)
    model.trained.value[1] = False
    found = model(face, voice, face_present, voice_present)
    assert torch.equal(found.fusion_logits, expected.fusion_logits)
    assert torch.equal(found.face_used, face_present) and not found.voice_used.any()
    again = small_model()
    again.load_state_dict(model.state_dict())
    assert again.trained.value.tolist() == [True, False]


def test_masks_of_what_is_used_are_those_of_what_is_present():
    found = small_model()(*(args := inputs()))
    assert torch.equal(found.face_used, args[2]) and torch.equal(found.voice_used, args[3])


def test_layers_start_apart_from_each_other():
    first, second = small_model(layers=2).face.layers
    assert not torch.allclose(first.linear1.weight, second.linear1.weight, atol=0.1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 5}, "not a multiple"),
        ({"tokens": 0}, "tokens is 0; it should be greater than 0"),
        ({"classes": 1}, "classes is 1"),
        ({"layers": "1"}, "layers is '1'"),
        ({"layers": True}, "layers is True"),
        ({"dropout": 1.0}, "dropout is 1.0; it should be less than 1"),
        ({"dropout": "a"}, "dropout is 'a'"),
        ({"missing_token": "none"}, "'learned', 'zero'"),
        ({"fusion": "sum"}, "'linear', 'gated', 'lstm' or 'cross_attention'"),
        ({"inputs": "long"}, "'scaled', 'unit' or 'raw'"),
        ({"residual": "none"}, "'weighted' or 'tokens'"),
        ({"face_damping": 0.0}, "face_damping is 0.0"),
        ({"head_input": "e"}, "'scaled' or 'weighted'"),
        ({"activation": "tanh"}, "'relu' or 'gelu'"),
        ({"projection": "mlp"}, "'linear' or 'normalised'"),
        ({"depth": 3}, "depth: unexpected keyword argument"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(UsageError, match=f"^model: .*{message}"):
        MRAFConfig(**{"face_dim": 3, "voice_dim": 3, "classes": 2, **changes})
