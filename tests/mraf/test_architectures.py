from dataclasses import asdict

import pytest
import torch

from mraf.architectures import build
from mraf.errors import UsageError
from mraf.fop.options import FOPConfig
from mraf.network.model import MRAFConfig
from mraf.prototypes.model import PrototypicalConfig

VALUES = asdict(MRAFConfig(face_dim=10, voice_dim=8, classes=6, dim=32, tokens=3, ffn=48))


def test_builds_by_name_and_leaves_the_callers_randomness_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    model = build("mraf", VALUES)
    assert model.arch == "mraf" and asdict(model.config) == VALUES
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("arch", "values", "message"),
    [
        ("mrav", VALUES, "Did you mean 'mraf'"),
        ("mraf", {**VALUES, "depth": 3}, "depth: "),
        ("mraf", {"face_dim": 10}, "voice_dim: "),
        ("mraf", {**VALUES, "layers": 0}, "layers is 0"),
    ],
)
def test_refuses(arch, values, message):
    with pytest.raises(UsageError, match=message):
        build(arch, values)


@pytest.mark.parametrize(
    ("arch", "config"), [("fop", FOPConfig), ("mraf-prototypes", PrototypicalConfig)]
)
def test_every_name_is_the_networks_own(arch, config):
    values = asdict(config(face_dim=10, voice_dim=8, classes=6))
    assert build(arch, values).arch == arch
