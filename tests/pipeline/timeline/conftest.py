"""Fixtures of the tests of timelines."""

import pytest

from tests.helpers.timeline_maker import StandIn


@pytest.fixture
def stand_in(monkeypatch) -> type[StandIn]:
    """Put a stand-in for the networks in their place."""

    class One(StandIn):
        made = []  # noqa: RUF012

    monkeypatch.setattr("mraf.pipeline.timeline.run.FileMaker", One)
    monkeypatch.setattr("mraf.pipeline.timeline.corrections.correct.FileMaker", One)
    return One
