import pytest

from mraf.episodic.options import EpisodicConfig, EpisodicOptions
from mraf.errors import UsageError


def test_the_rate_rises_and_falls():
    options = EpisodicOptions(episodes=100, warmup=20)
    assert options.rate(0) == pytest.approx(1 / 20)
    assert options.rate(19) == pytest.approx(0.81)
    assert options.rate(99) == pytest.approx(0.01)
    assert EpisodicOptions(episodes=0).rate(0) > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"dim": 2},
        {"tokens": 0},
        {"spread": 1.6},
        {"face_share": 1.1},
        {"voice_reliability": 1.0},
        {"support": 0},
        {"missing_token": "memory"},
        {"face_lr": -1.0},
    ],
)
def test_wrong_options_are_named(changes):
    with pytest.raises(UsageError, match=f"^training: {next(iter(changes))}"):
        EpisodicOptions(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 5}, "dim 256 is not a multiple of heads 5"),
        ({"classes": 1}, "classes is 1"),
        ({"power": "2"}, "power is '2'"),
        ({"depth": 3}, "depth: unexpected keyword argument"),
    ],
)
def test_wrong_shapes_are_named(changes, message):
    with pytest.raises(UsageError, match=f"^model: {message}"):
        EpisodicConfig(**{"face_dim": 3, "voice_dim": 3, "classes": 2, **changes})
