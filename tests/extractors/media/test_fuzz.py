import pytest

from mraf.errors import MediaError
from mraf.extractors.media.isolated import Decoder
from tests.helpers import media_mutator

CASES = 60


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    return media_mutator.write_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture(scope="module")
def decoder():
    with Decoder() as decoder:
        yield decoder


def test_every_whole_sample_can_be_read(samples, decoder):
    for path in samples:
        media = decoder.read(**{media_mutator.role(path): path})
        assert (media.frames is not None) == (media_mutator.role(path) != "audio"), path
        assert (media.wave is not None) == (media_mutator.role(path) != "image"), path


def test_a_damaged_file_gives_a_clip_or_an_error_that_names_it(samples, decoder, tmp_path):
    pid, outcomes = decoder.pid, set()
    for case in range(CASES):
        # Seven has no factor in common with the kinds of damage: all pairs come up in turn.
        sample = samples[case * 7 % len(samples)]
        _, data = media_mutator.mutate(sample.read_bytes(), case, seed=3)
        path = tmp_path / f"case{case}{sample.suffix}"
        path.write_bytes(data)
        try:
            decoder.read(**{media_mutator.role(path): path})
            outcomes.add("media")
        except MediaError as error:
            assert str(error).startswith(path.name) and "\n" not in str(error)
            outcomes.add("error")
    assert outcomes == {"media", "error"}
    assert decoder.pid == pid, "the decoder crashed, hung or ran out of memory"
    assert len(list(tmp_path.iterdir())) == CASES


def test_damage_is_the_same_for_the_same_seed():
    original = bytes(range(256)) * 20
    for case in range(len(media_mutator.MUTATIONS)):
        first = media_mutator.mutate(original, case, seed=1)
        assert first == media_mutator.mutate(original, case, seed=1)
        assert first[1] != original
        assert first != media_mutator.mutate(original, case, seed=2)
