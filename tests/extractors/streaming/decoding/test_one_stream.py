import errno
from types import SimpleNamespace

import pytest

from mraf.extractors.streaming.decoding.one_stream import StreamFrames
from mraf.extractors.streaming.decoding.problems import Problems


class Packet(SimpleNamespace):
    def decode(self):
        yield self.pts


def frames(packets, problems, **options):
    """The frames of a container that gives these packets, or raises them."""
    left = iter(packets)

    def demux(_):
        for each in left:
            if isinstance(each, Exception):
                raise each
            yield Packet(pts=each, dts=each, time_base=1, size=5)

    context = SimpleNamespace(thread_count=0)
    stream = SimpleNamespace(type="audio", index=0, codec_context=context)
    container = SimpleNamespace(streams=[stream], demux=demux)
    made = StreamFrames(
        container, stream, problems=problems, beat=lambda: None, now=lambda: 7.0, **options
    )
    return made.frames()


@pytest.mark.parametrize(
    ("error", "again"), [(OSError(errno.EIO, "I/O error"), True), (OSError(22, "odd"), False)]
)
def test_an_error_of_the_drive_may_be_none_later(error, again):
    problems = Problems()
    found = frames([1, error, 2], problems)
    assert [next(found), next(found)] == [1, 2]
    (problem,) = problems.take()
    assert (problem.kind, problem.first, problem.again) == ("file", 7.0, again)


def test_what_is_skipped_is_not_decoded():
    found = frames([1, 2, None, 3], Problems(), is_skipped=lambda stamp: stamp == 2)
    assert [next(found), next(found)] == [1, 3]  # what has no stamp goes with the one before
