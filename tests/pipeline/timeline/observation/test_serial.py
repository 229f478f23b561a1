import io
import zipfile

import numpy as np
import pytest

from mraf.extractors.streaming.decoding.problems import Problem
from mraf.extractors.streaming.parts import Observed
from mraf.pipeline.timeline.observation.serial import from_bytes, to_bytes
from tests.helpers.observers import Ears, Eyes

DAMAGE = Problem(kind="picture", text="ä ہ", first=1.5, count=2, again=True)


def part(**more) -> Observed:
    return Observed(start=0.0, stop=3.0, **{"heard": None, "seen": None, **more})


def test_what_is_written_is_read():
    from mraf.extractors.streaming.slices import Slice

    eyes = Eyes()
    grey = np.zeros((1, 4, 4), np.uint8)
    colour = np.zeros((1, 4, 4, 3), np.uint8)
    shown, looks = np.zeros(50, np.int32), np.zeros(1, np.int32)
    slice_ = Slice(
        start=0.0, stop=2.0, wave=None, grey=grey, shown=shown, colour=colour, looks=looks
    )
    eyes.add(slice_, eyes.find(slice_), None)
    heard = Ears().observe(np.ones(48_000, np.float32), 0.0, 3.0)
    one = part(heard=heard, seen=eyes.finish(), problems=(DAMAGE,))
    other = from_bytes(Observed, to_bytes(one))
    assert (other.start, other.stop, other.problems) == (0.0, 3.0, one.problems)
    assert other.seen.tracks[0].picture == b"\xff\xd8" and other.seen.width == 4
    for name in ("starts", "activity", "vectors", "seconds", "mfcc"):
        a, b = getattr(one.heard, name), getattr(other.heard, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name
    for name in ("times", "boxes", "lips", "first_tick"):
        a, b = getattr(one.seen.tracks[0], name), getattr(other.seen.tracks[0], name)
        assert np.array_equal(a, b, equal_nan=True), name
    assert other.seen.tracks[0].lips.dtype == np.float16


def test_what_is_missing_stays_missing():
    found = from_bytes(Observed, to_bytes(part()))
    assert found.heard is None and found.seen is None and found.problems == ()


def test_damage_is_noticed():
    heard = Ears().observe(np.random.default_rng(0).normal(size=48_000).astype("f4"), 0.0, 3.0)
    content = to_bytes(part(heard=heard))
    for damaged in (b"", b"PK", content[:-30], content[: len(content) // 2], content[100:]):
        with pytest.raises(ValueError):
            from_bytes(Observed, damaged)
    for at in range(40, len(content), 97):
        broken = bytearray(content)
        broken[at] ^= 0x55
        try:
            found = from_bytes(Observed, bytes(broken))
        except ValueError:
            continue
        assert np.array_equal(found.heard.vectors, heard.vectors)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000000,), }",
        "{'descr': (\x01",
    ],
)
def test_damage_that_only_numpy_notices(header):
    """A shape that no memory holds, and a header that is no Python: zip's own sums are right."""
    file = io.BytesIO()
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("tree.npy", start + header.encode())
    with pytest.raises(ValueError):
        from_bytes(Observed, file.getvalue())


def test_pickles_are_not_read(tmp_path):
    np.savez(tmp_path / "evil.npz", tree=np.array([print], dtype=object))
    with pytest.raises(ValueError, match="pickle"):
        from_bytes(Observed, (tmp_path / "evil.npz").read_bytes())
