import errno
import gc
import os
import threading
from contextlib import suppress

import numpy as np
import pytest

from mraf.extractors.media.process import shared
from mraf.extractors.media.process.shared import HUNGRY, Slots, SlotWriter

pytestmark = pytest.mark.skipif(
    not hasattr(os, "memfd_create"), reason="only Linux has memory that is shared in this way"
)

SIZE = 1 << 16
WAVE = np.arange(8, dtype=np.float32)
GREY = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
SHAPES = [((8,), np.float32), ((2, 3, 4), np.uint8)]


@pytest.fixture
def ends():
    """Both ends of two slots, and the pipe on which the parent speaks."""
    reads, writes = os.pipe()
    slots = Slots(2, SIZE)
    slots.told_by(writes)
    yield slots, SlotWriter(slots.descriptor, 2, SIZE, reads), writes
    slots.close()
    for end in (reads, writes):
        with suppress(OSError):  # a test has closed it
            os.close(end)


def test_arrays_are_those_that_were_put(ends):
    slots, writer, _ = ends
    for number in (0, 1):
        assert writer.put([WAVE + number, GREY + number]) == number
    for number in (1, 0):
        wave, grey = slots.arrays(number, SHAPES)
        assert np.array_equal(wave, WAVE + number) and np.array_equal(grey, GREY + number)
        assert (wave.dtype, grey.dtype) == (np.float32, np.uint8)


def test_a_slot_is_free_when_the_last_view_of_a_view_has_gone(ends):
    slots, writer, _ = ends
    writer.put([WAVE, GREY])
    writer.put([WAVE + 1, GREY + 1])
    grey = slots.arrays(0, SHAPES)[1]
    view = grey[1][:, ::2].T
    del grey
    gc.collect()
    held = slots.arrays(1, SHAPES)
    slots.ask()  # both are held: what comes next goes through the pipe
    assert writer.put([WAVE, GREY]) is None
    assert view.tolist() == GREY[1][:, ::2].T.tolist()
    del view
    assert writer.put([WAVE + 2, GREY + 2]) == 0
    assert np.array_equal(slots.arrays(0, SHAPES)[0], WAVE + 2)
    assert np.array_equal(held[0], WAVE + 1)


def test_nothing_is_asked_for_while_a_slot_is_not_held(ends):
    slots, writer, _ = ends
    writer.put([WAVE, GREY])
    held = slots.arrays(0, SHAPES)
    slots.ask()
    writer.put([WAVE, GREY])
    del held
    assert writer.put([WAVE, GREY]) == 0  # and not the pipe


def test_the_child_waits_for_a_free_slot(ends, monkeypatch):
    slots, writer, _ = ends
    writer.put([WAVE, GREY])
    writer.put([WAVE, GREY])
    found, waits = [], threading.Event()
    has_free = writer._has_free

    def waiting():
        waits.set()
        return has_free()

    monkeypatch.setattr(writer, "_has_free", waiting)
    put = threading.Thread(target=lambda: found.append(writer.put([WAVE, GREY])), daemon=True)
    put.start()
    assert waits.wait(timeout=300) and not found and not writer._free
    slots.arrays(1, SHAPES).clear()
    put.join(timeout=300)
    assert found == [1]


def test_the_slot_that_was_freed_last_is_filled_next(ends):
    """So that no memory is used of slots that are not needed."""
    slots, writer, _ = ends
    for _ in range(3):
        slot = writer.put([WAVE, GREY])
        assert slot == 0
        slots.arrays(slot, SHAPES).clear()


def test_what_cannot_be_mapped_goes_through_the_pipe(ends, monkeypatch):
    """A process whose memory is bounded gets ENOMEM, which is not the end of its parent."""
    _, writer, _ = ends

    def full(*_, **__):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as context:
        context.setattr(shared.mmap, "mmap", full)
        assert writer.put([WAVE, GREY]) is None
    assert [writer.put([WAVE, GREY]) for _ in range(2)] == [0, 1]


def test_slots_are_counted_under_the_lock(ends):
    """They are freed in any thread."""
    slots, writer, _ = ends
    acks, unlocked = slots._acks, []

    class Watched(shared._Acks):
        def __setattr__(self, name, value):
            if name == "held" and not self._lock._is_owned():
                unlocked.append(value)
            super().__setattr__(name, value)

    acks.__class__ = Watched
    writer.put([WAVE, GREY])
    slots.arrays(0, SHAPES).clear()
    assert acks.held == 0 and not unlocked
    assert writer.put([WAVE, GREY]) in (0, 1)


@pytest.mark.parametrize("count", [0, HUNGRY])
def test_the_number_of_slots_is_told_in_a_byte(count):
    with pytest.raises(ValueError, match=f"{count} slots"):
        Slots(count, SIZE)


def test_the_child_ends_with_the_parent(ends):
    slots, writer, pipe = ends
    writer.put([WAVE, GREY])
    writer.put([WAVE, GREY])
    slots.close()
    os.close(pipe)
    with pytest.raises(OSError, match="gone"):
        writer.put([WAVE, GREY])


def test_what_is_larger_than_a_slot_goes_through_the_pipe(ends):
    _, writer, _ = ends
    assert writer.put([np.zeros(SIZE + 1, np.uint8)]) is None
    assert writer.put([np.zeros(SIZE, np.uint8)]) == 0
    assert writer.put([np.zeros((0, 4), np.uint8)]) == 1


@pytest.mark.parametrize(
    ("slot", "shapes"),
    [(2, SHAPES), (-1, SHAPES), (0, [((SIZE + 1,), np.uint8)]), (0, [((-1, 8), np.uint8)])],
)
def test_an_answer_that_names_no_slot_is_refused(ends, slot, shapes):
    with pytest.raises(ValueError, match=f"slot {slot}"):
        ends[0].arrays(slot, shapes)


def test_arrays_outlive_the_slots_and_say_no_more(ends):
    slots, writer, _ = ends
    writer.put([WAVE, GREY])
    wave, grey = slots.arrays(0, SHAPES)
    number = slots._acks._pipe
    reads, writes = os.pipe()
    slots.close()
    os.set_blocking(reads, False)
    os.dup2(writes, number)  # another file has the number now
    try:
        assert np.array_equal(wave, WAVE)
        del wave, grey
        gc.collect()
        slots.ask()
        with pytest.raises(BlockingIOError):
            os.read(reads, 1)
    finally:
        for end in (reads, writes, number):
            os.close(end)
