"""Ctrl-C while a process is started."""

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from mraf.pipeline.extraction.spawning import no_interrupt


def wait_for_a_late_signal():
    """Let a signal that another thread has taken reach the main thread, which it does not wake."""
    for _ in range(60_000):
        time.sleep(0.01)


@pytest.fixture(params=[0, 3], ids=["alone", "with threads"])
def threads(request):
    """Threads that do not block Ctrl-C, as torch and OpenMP have them: the signal may go to any."""
    end = threading.Event()
    started = [threading.Thread(target=end.wait) for _ in range(request.param)]
    for thread in started:
        thread.start()
    yield
    end.set()
    for thread in started:
        thread.join()


def test_an_interrupt_while_a_worker_starts_reaches_the_parent_then(threads):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    reached = []
    try:
        for _ in range(20):
            reached.clear()
            with pytest.raises(KeyboardInterrupt):
                with no_interrupt():
                    os.kill(os.getpid(), signal.SIGINT)
                    for _ in range(1000):  # Python looks for signals between two steps
                        pass
                    reached.append("the end")
                wait_for_a_late_signal()
            assert reached == ["the end"]
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
            assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_is_not_lost_where_the_start_of_a_worker_fails(threads):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            with suppress(OSError), no_interrupt():
                os.kill(os.getpid(), signal.SIGINT)
                raise OSError("no memory")
            wait_for_a_late_signal()
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with no_interrupt():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
