import pickle
from dataclasses import FrozenInstanceError, asdict, replace
from typing import Annotated, Literal

import pytest
from pydantic import Field, PositiveInt

from mraf.errors import UsageError
from mraf.options import checked


@checked("model")
class Shape:
    width: PositiveInt
    share: Annotated[float, Field(ge=0, lt=1)] = 0.5
    kind: Literal["round", "square"] = "round"
    even: bool = False
    limit: PositiveInt | None = None

    def __post_init__(self) -> None:
        if self.even and self.width % 2:
            raise UsageError("model: odd")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"width": 0}, "model: width is 0; it should be greater than 0"),
        ({"width": "3"}, "model: width is '3'; it should be a valid integer"),
        ({"width": True}, "model: width is True; it should be a valid integer"),
        ({"width": 3.0}, "model: width is 3.0; it should be a valid integer"),
        ({"share": 1}, "model: share is 1; it should be less than 1"),
        ({"share": float("nan")}, "model: share is nan; it should be a finite number"),
        ({"kind": "oval"}, "model: kind is 'oval'; it should be 'round' or 'square'"),
        ({"even": 1}, "model: even is 1; it should be a valid boolean"),
        ({"limit": 0}, "model: limit is 0; it should be greater than 0"),
        ({"depth": 3}, "model: depth: unexpected keyword argument"),
        ({"even": True}, "model: odd"),
    ],
)
def test_wrong_values_are_named_in_one_line(changes, message):
    for make in (
        lambda: Shape(**{"width": 3, **changes}),
        lambda: replace(Shape(width=3), **changes),
    ):
        with pytest.raises(UsageError) as raised:
            make()
        assert str(raised.value) == message


def test_an_absent_value_is_named():
    with pytest.raises(UsageError, match="^model: width: "):
        Shape(share=0.1)


def test_a_plain_frozen_dataclass_otherwise():
    shape = Shape(width=4, share=0, limit=2)
    assert asdict(shape) == {
        "width": 4, "share": 0.0, "kind": "round", "even": False, "limit": 2,
    }  # fmt: skip
    assert pickle.loads(pickle.dumps(shape)) == shape == replace(shape)
    assert hash(shape) == hash(replace(shape)) and shape != replace(shape, width=5)
    with pytest.raises(FrozenInstanceError):
        shape.width = 5
    with pytest.raises(TypeError):
        Shape(4)
