import signal

import pytest

from mraf.errors import KILLED, how_it_ended


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "ended with code 0"),
        (3, "ended with code 3"),
        (-signal.SIGKILL, KILLED),
        (-signal.SIGSEGV, "crashed (SIGSEGV)"),
        (-40, "crashed (signal 40)"),
    ],
)
def test_how_a_process_ended(code, words):
    assert how_it_ended(code) == words
