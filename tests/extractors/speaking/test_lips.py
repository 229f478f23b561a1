import numpy as np
import pytest

from mraf.extractors.speaking.lips import PIECE, Lips
from mraf.extractors.speaking.lr_asd import FIELD, SIZE


class Summing:
    """A reader whose lips are sums over the ticks that they depend on."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def read(self, faces: np.ndarray) -> np.ndarray:
        self.lengths.append(len(faces))
        values = np.pad(faces[:, 0, 0].astype(float), FIELD)
        sums = np.convolve(values, np.ones(2 * FIELD + 1), "valid")
        return np.tile(sums[:, None], (1, SIZE)).astype(np.float32)


def faces(count: int) -> np.ndarray:
    random = np.random.default_rng(0)
    return np.tile(random.integers(0, 9, (count, 1, 1), np.uint8), (1, 112, 112))


@pytest.mark.parametrize(
    "count",
    [1, 9, 10, PIECE, PIECE + FIELD - 1, PIECE + FIELD, PIECE + FIELD + 1, 2 * PIECE + FIELD, 777],
)
def test_pieces_do_not_show(count):
    reader, pictures = Summing(), faces(count)
    lips = Lips(reader, 40)
    for picture in pictures:
        lips.add(picture)
    assert lips.next_tick == 40 + count
    assert np.array_equal(lips.finish(), Summing().read(pictures).astype(np.float16))
    assert max(reader.lengths) <= PIECE + 2 * FIELD


def test_ticks_that_are_not_looked_at_are_no_numbers_and_cut_what_is_seen():
    pictures = faces(300)
    lips = Lips(Summing(), 0)
    for tick, picture in enumerate(pictures):
        lips.add(None if 120 <= tick < 150 or tick >= 290 else picture)
    found = lips.finish()
    assert found.shape == (300, SIZE) and found.dtype == np.float16
    assert np.isnan(found[120:150]).all() and np.isnan(found[290:]).all()
    assert np.array_equal(found[:120], Summing().read(pictures[:120]))
    assert np.array_equal(found[150:290], Summing().read(pictures[150:290]))


def test_few_pictures_are_kept():
    lips = Lips(Summing(), 0)
    for picture in faces(1_000):
        lips.add(picture)
        assert len(lips._faces) <= PIECE + 2 * FIELD


def test_nothing_to_look_at():
    assert Lips(Summing(), 0).finish().shape == (0, SIZE)
