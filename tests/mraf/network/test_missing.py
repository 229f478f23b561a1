import pytest
import torch
import torch.nn.functional as F

from mraf.network.missing import Completion, MemoryBank, completion_loss, predictor
from mraf.network.model import MRAF, MRAFConfig
from tests.mraf.conftest import SMALL

KINDS = ("completion", "memory")


def model_of(kind) -> MRAF:
    return MRAF(MRAFConfig(10, 8, 5, **SMALL, missing_token=kind)).eval()


def test_one_vector_for_all_needs_no_predictor():
    assert predictor("learned", 10, 8) is predictor("zero", 10, 8) is None


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_of_unit_length_and_one_a_clip(kind):
    other = F.normalize(torch.randn(6, 8), dim=-1)
    found = predictor(kind, 10, 8)(other)
    assert found.shape == (6, 10)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(6))
    assert (found[0] - found[1]).abs().max() > 1e-3
    assert found.requires_grad


def test_a_memory_gives_back_the_value_of_the_key_that_fits():
    bank = MemoryBank(10, 64, slots=5)
    with torch.no_grad():
        bank.sharpness.fill_(200)
    found = bank(F.normalize(bank.keys, dim=-1))
    torch.testing.assert_close(found, bank.values, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("network", [Completion(10, 8), MemoryBank(10, 8)])
def test_every_part_of_a_predictor_is_taught(network):
    real = F.normalize(torch.randn(6, 10), dim=-1).requires_grad_()
    completion_loss(network(F.normalize(torch.randn(6, 8), dim=-1)), real).backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in network.parameters())
    assert real.grad is None


def test_completion_loss_is_one_less_cosine():
    x, y = torch.randn(4, 3), torch.randn(4, 3)
    expected = 1 - F.cosine_similarity(x, y).mean()
    torch.testing.assert_close(completion_loss(x, 9 * y), expected)
    assert float(completion_loss(x, x)) == pytest.approx(0, abs=1e-6)
    assert float(completion_loss(x[:0], x[:0])) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_substitute_comes_from_the_other_modality_or_is_learned(kind):
    encoder = model_of(kind).face
    voice = 250 * torch.randn(4, 8)
    present = torch.tensor([True, True, False, False])
    found = encoder.substitute(voice, present)
    assert torch.equal(found[2:], encoder.missing.expand(2, -1))
    torch.testing.assert_close(found[:2], encoder.predict(F.normalize(voice[:2], dim=-1)))
    torch.testing.assert_close(encoder.substitute(voice / 250, present), found)


@pytest.mark.parametrize("kind", KINDS)
def test_the_missing_face_depends_on_the_voice_and_has_no_weight(kind):
    model = model_of(kind)
    face, voice, no = torch.randn(3, 10), torch.randn(3, 8), torch.zeros(3, dtype=torch.bool)
    out = model(face, voice, no, ~no)
    assert (out.e_f[0] - out.e_f[1]).abs().max() > 1e-3
    assert not out.r_f.any() and not out.w_f.any()
    assert torch.isfinite(model(face, voice, no, no).fusion_logits).all()


def test_one_row_where_it_does_not_depend_on_the_clip():
    yes = torch.ones(3, dtype=torch.bool)
    for kind in ("learned", "zero"):
        assert model_of(kind).face.substitute(torch.randn(3, 8), yes).shape == (1, 10)
