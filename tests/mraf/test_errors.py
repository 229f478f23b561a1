import signal

import pytest

from mraf.errors import KILLED, how_it_ended


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, "ended with code 0"),
        (3, "ended with code 3"),
        (-signal.SIGKILL, KILLED),
        (-signal.SIGSEGV, "crashed (SIGSEGV)"),
        (-40, "crashed (signal 40)"),
    ],
)
def test_how_a_process_ended(code, said):
    assert how_it_ended(code) == said
