from dataclasses import asdict

import pytest
import torch

from mraf.errors import UsageError
from mraf.model_types import (
    MODEL_TYPES,
    build,
    changed,
    options_of,
    title_of,
    type_of,
    with_epochs,
)
from mraf.network.model import MRAFConfig
from mraf.network.options import TrainOptions
from mraf.prototypes.options import PrototypeOptions

VALUES = asdict(MRAFConfig(face_dim=10, voice_dim=8, classes=6, dim=32, tokens=3, ffn=48))
TYPES = [(name, preset) for name, each in MODEL_TYPES.items() for preset in each.presets]


def test_builds_by_name_and_leaves_the_callers_randomness_alone():
    torch.manual_seed(5)
    state = torch.get_rng_state()
    model = build("mraf", VALUES)
    assert model.model_type == "mraf" and asdict(model.config) == VALUES
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("model_type", "values", "message"),
    [
        ("mrav", VALUES, "Did you mean 'mraf'"),
        ("mraf", {**VALUES, "depth": 3}, "depth: "),
        ("mraf", {"face_dim": 10, "classifier": "linear"}, "voice_dim: "),
        ("mraf", {**VALUES, "layers": 0}, "layers is 0"),
        ("prototypes", {"classifier": "trees"}, "no classifier 'trees'"),
    ],
)
def test_refuses(model_type, values, message):
    with pytest.raises(UsageError, match=message):
        build(model_type, values)


@pytest.mark.parametrize(("model_type", "preset"), TYPES)
def test_every_preset_makes_options_that_can_be_changed(model_type, preset):
    options = options_of(model_type, preset)
    assert changed(options, {"lr": 0.5}).lr == 0.5
    with pytest.raises(UsageError, match="no option 'seed'"):
        changed(options, {"seed": 2})
    with pytest.raises(UsageError, match="Did you mean 'lr'"):
        changed(options, {"llr": 2})


def test_an_unknown_option_is_answered_with_those_declared_in_their_order():
    with pytest.raises(
        UsageError, match=r"\(there are: lr, batch_size, epochs, .*, dim, dropout\)"
    ):
        changed(options_of("fop"), {"xyz": 1})


@pytest.mark.parametrize(("model_type", "preset"), TYPES)
def test_the_options_tell_the_type(model_type, preset):
    assert type_of(options_of(model_type, preset)) == model_type
    with pytest.raises(UsageError, match="dict: no model type is trained"):
        type_of({})


def test_every_network_has_the_name_of_its_type():
    for name, each in MODEL_TYPES.items():
        for classifier in each.networks:
            values = {"face_dim": 10, "voice_dim": 8, "classes": 6}
            values |= {"classifier": classifier} if classifier else {}
            assert build(name, values).model_type == name


def test_the_default_is_prototypes():
    assert options_of() == PrototypeOptions()
    assert options_of("prototypes", "cosine") == PrototypeOptions.cosine()
    assert options_of("mraf", "paper") == TrainOptions()
    assert (title_of("mraf", "default"), title_of("mraf", "paper")) == ("mraf", "mraf-paper")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("prototipes",), "Did you mean 'prototypes'"),
        (("prototypes", "paper"), "has no preset 'paper': it is one of --model-type mraf.$"),
        (("fop", "authors"), "has no preset 'authors': it is one of --model-type mraf.$"),
        (("fop", "papers"), r"has no preset 'papers' \(there are: default\)"),
        (("mraf", "papers"), "Did you mean 'paper'"),
    ],
)
def test_unknown_names_are_answered_with_the_choices(names, message):
    with pytest.raises(UsageError, match=message):
        options_of(*names)


def test_epochs_take_the_place_of_steps():
    assert with_epochs(options_of("mraf", "paper"), 3).epochs == 3
