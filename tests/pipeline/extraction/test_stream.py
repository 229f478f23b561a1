"""Clips that are taken while others are still looked for."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from mraf.data.clips.clip import Clip
from mraf.errors import UsageError
from mraf.pipeline.extraction.stream import ClipStream


def clip(name: str) -> Clip:
    return Clip(name, Path(f"{name}.mp4"))


def wait_for(stream: ClipStream, count: int) -> None:
    while stream.count < count:
        assert stream.connection.poll(300), "waited too long"
        stream.answer()


def test_clips_are_taken_before_the_last_is_found():
    go_on = threading.Event()

    def slow():
        yield clip("a")
        yield clip("b")
        go_on.wait()
        yield clip("c")

    with closing(ClipStream(slow())) as stream:
        wait_for(stream, 2)
        assert [each.id for each in stream.take(9)] == ["a", "b"] and stream.waiting == 0
        assert not stream.is_complete and stream.ids == {"a", "b"}
        stream.wait(0.001)
        assert not stream.is_complete
        go_on.set()
        stream.wait()
        assert stream.is_complete and (stream.count, stream.waiting) == (3, 1)
        assert not stream.connection.poll(0)


def test_what_ends_a_search_is_raised_after_what_it_has_found():
    def broken():
        yield clip("a")
        raise UsageError("two clips have one id")

    with closing(ClipStream(broken())) as stream, pytest.raises(UsageError, match="one id") as seen:
        stream.wait()
    assert seen.value is stream.error and [each.id for each in stream.take(9)] == ["a"]


def test_a_sequence_is_complete_at_once_and_urgent_clips_come_first():
    stream = ClipStream([clip(name) for name in "abcd"])
    assert stream.is_complete and stream.count == 4
    assert [each.id for each in stream.take(1)] == ["a"]
    stream.put_first(lambda each: each.id in "cd")
    assert [each.id for each in stream.take(2)] == ["c", "d"]
    assert [each.id for each in stream.take(2)] == ["b"]


def test_urgent_clips_that_are_found_later_pass_others():
    go_on = threading.Event()

    def slow():
        yield clip("a")
        go_on.wait()
        yield clip("b")

    with closing(ClipStream(slow())) as stream:
        wait_for(stream, 1)
        stream.put_first(lambda each: each.id == "b")
        go_on.set()
        stream.wait()
        assert [each.id for each in stream.take(2)] == ["b", "a"]


def test_the_user_is_told_as_clips_are_found():
    told = []
    with closing(ClipStream(clip(name) for name in "abc")) as stream:
        stream.on_found = lambda: told.append(stream.count)
        stream.wait()
    assert told and told[-1] == 3 and told == sorted(told)


def test_a_search_ends_with_its_stream():
    ended, go_on = threading.Event(), threading.Event()

    def endless():
        try:
            while True:
                yield clip("a")
                go_on.wait()
        finally:
            ended.set()

    with closing(ClipStream(endless())) as stream:
        wait_for(stream, 1)
    go_on.set()
    assert ended.wait(300)
