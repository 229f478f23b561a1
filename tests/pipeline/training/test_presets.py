import pytest

from mraf.errors import UsageError
from mraf.fop.options import FOPOptions
from mraf.network.options import TrainOptions
from mraf.pipeline.training.presets import changed, options_of
from mraf.prototypes.options import PrototypicalOptions


def test_options_of_an_architecture():
    assert options_of("mraf") == PrototypicalOptions()
    assert options_of("mraf", "paper") == TrainOptions()
    assert options_of("fop") == FOPOptions()
    assert options_of("prototype") == PrototypicalOptions.plain()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("mrfa",), "no architecture 'mrfa'.*Did you mean 'mraf'"),
        (("mraf", "papr"), "no preset 'papr'.*Did you mean 'paper'"),
        (("fop", "paper"), "one of the architecture 'mraf', not of 'fop'"),
    ],
)
def test_unknown_names_are_refused(names, said):
    with pytest.raises(UsageError, match=said):
        options_of(*names)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"epoch": 3}, "no option 'epoch'.*Did you mean 'epochs'"),
        ({"epochs": "3"}, "epochs is '3'; it should be a valid integer"),
        ({"dim": True}, "dim is True; it should be a valid integer"),
        ({"seed": 3}, "no option 'seed'"),
    ],
)
def test_changes_of_another_kind_are_refused(change, said):
    assert changed(TrainOptions(), {"epochs": 3}) == TrainOptions(epochs=3, steps=None)
    with pytest.raises(UsageError, match=said):
        changed(TrainOptions(), change)
