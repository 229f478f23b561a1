import re

import numpy as np
import pytest

from mraf.data.polysim.layout import read_layout
from mraf.data.polysim.vectors import read_vectors
from mraf.errors import UsageError
from tests.helpers.polysim_files import Layout


@pytest.fixture
def layout(tmp_path):
    return Layout(tmp_path / "polysim").write()


def test_vectors_are_read_as_float32_and_zeros_are_missing(layout):
    face, voice = (layout.feature("train", "English", 2, which) for which in ("face", "voice"))
    value = np.load(face)
    np.save(face, value.astype(np.float64).reshape(1, 512, 1))
    np.save(voice, np.zeros(192, np.float32))
    calls = []
    found = read_vectors(read_layout(layout.root), lambda *each: calls.append(each))
    assert found[0][1].dtype == np.float32 and np.array_equal(found[0][1], value)
    assert found[0][2] is None
    assert all(f.shape == (512,) and v.shape == (192,) for _, f, v in found[1:])
    assert calls[0] == (1, 32) and calls[-1] == (32, 32) and len(calls) == 32


def damage(path, how):
    vector = np.load(path)
    if how == "absent":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("no array")
    elif how == "pickle":
        np.save(path, np.array([{"a": 1}] * 192, object), allow_pickle=True)
    elif how == "short":
        np.save(path, vector[:-1])
    elif how == "folded":
        np.save(path, vector.reshape(2, 96))
    elif how == "header":  # an opening bracket that is never closed
        path.write_bytes(path.read_bytes().replace(b"}", b"{", 1))
    elif how == "dtype":
        path.write_bytes(path.read_bytes().replace(b"<f4", b"<(4", 1))
    elif how == "endless":
        path.write_bytes(path.read_bytes().replace(b"192,), }" + b" " * 9, b"999999999999,), }", 1))
    elif how == "integers":
        np.save(path, vector.astype(np.int32))
    elif how == "nan":
        np.save(path, np.where(np.arange(192) == 3, np.nan, vector))
    elif how == "huge":
        np.save(path, vector.astype(np.float64) * 1e300)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("absent", "No such file"),
        ("truncated", "EOF|expected 768 bytes"),
        ("empty", "EOF"),
        ("text", "magic string"),
        ("pickle", "allow_pickle"),
        ("short", r"float32 of shape \[191\], expected 192 floating-point numbers"),
        ("folded", r"float32 of shape \[2, 96\], expected 192 floating-point numbers"),
        ("header", r"damaged, or not an \.npy file"),
        ("dtype", r"damaged, or not an \.npy file"),
        ("endless", r"damaged, or not an \.npy file"),
        ("integers", "int32 of shape"),
        ("nan", "NaN or infinity"),
        ("huge", "NaN or infinity"),
    ],
)
def test_files_that_cannot_be_used_are_named(layout, how, message):
    damage(layout.feature("test", "Urdu", 3), how)
    expected = (
        rf"(?s)1 feature file cannot.*feats/test/v1/voices/Urdu/00002\.npy: .*({message}).*unpack"
    )
    with pytest.raises(UsageError, match=expected):
        read_vectors(read_layout(layout.root))


def test_no_byte_of_a_header_can_end_in_a_traceback(layout):
    path, data = layout.feature("test", "Urdu", 3), read_layout(layout.root)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    for place in range(72):
        raw = bytearray(whole)
        raw[place] = generator.choice(list(b"{}()'\"#\n\0\xff,:09"))
        path.write_bytes(raw)
        try:
            read_vectors(data)
        except UsageError as error:
            assert "00002.npy" in str(error)


def test_all_unusable_files_are_counted_and_ten_are_named(layout):
    gone = sorted((layout.root / "feats/ecappafeats").rglob("*.npy"))[:13]
    for path in gone:
        path.unlink()
    with pytest.raises(UsageError, match="13 feature files") as caught:
        read_vectors(read_layout(layout.root))
    named = re.findall(r"(feats\S+): No such file", str(caught.value))
    assert set(named) < {path.relative_to(layout.root).as_posix() for path in gone}
    assert len(set(named)) == 10 and "and 3 more" in str(caught.value)
    assert len(caught.value.problems) == 13
