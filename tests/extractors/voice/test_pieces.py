import numpy as np

from mraf.extractors.voice.pieces import embed_pieces


def first_samples(batch: np.ndarray) -> np.ndarray:
    """A network whose vector is the first sample of a wave, and its length."""
    return np.stack([batch[:, 0], np.full(len(batch), batch.shape[1], np.float32)], axis=1)


def wave(value: float, seconds: float) -> np.ndarray:
    return np.full(round(seconds * 16_000), value, np.float32)


def test_vectors_come_in_the_order_of_the_waves():
    found = embed_pieces([wave(1, 1), wave(2, 3), wave(3, 1)], first_samples)
    assert found.tolist() == [[1, 16_000], [2, 48_000], [3, 16_000]]
    assert found.dtype == np.float32


def test_pieces_are_equal_at_most_20_s_long_and_averaged():
    long = np.r_[wave(1, 15), wave(2, 15), wave(6, 15)]
    found = embed_pieces([wave(9, 20), long], first_samples)
    assert found.tolist() == [[9, 320_000], [3, 240_000]]


def test_more_goes_through_a_gpu_at_once():
    sizes = []

    def network(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        return first_samples(batch)

    waves = [wave(i, 7) for i in range(5)]
    embed_pieces(waves, network)
    embed_pieces(waves, network, device="cuda")
    assert sizes == [2, 2, 1, 5]
