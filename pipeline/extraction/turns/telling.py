"""What a worker process tells of the jobs that it has in hand."""

from collections.abc import Callable
from typing import Any

OnTold = Callable[[Any], None]
"""Called with what workers tell while they do a job."""

_listeners: list[OnTold] = []  # of this process: one at most


def listen(on_told: OnTold | None) -> None:
    """Have a function called with what is told in this process from now on; None: nobody listens."""
    _listeners[:] = [on_told] if on_told else []


def tell(value: Any) -> None:
    """Tell the process that started this worker something about its jobs, which can be pickled."""
    for listener in _listeners:
        listener(value)
