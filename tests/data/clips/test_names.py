"""Names of files as text and back."""

import os

from hypothesis import given
from hypothesis import strategies as st

from mraf.data.clips.names import as_name, as_text, is_same_file

NAMES = st.lists(
    st.sampled_from([b"\\", b"x", b"e", b"9", b"\xe9", b"\xc3\xa9", b"/", b"a"]), max_size=12
).map(b"".join)


@given(st.binary(max_size=20) | NAMES)
def test_the_text_of_a_name_gives_back_the_name(raw):
    text = as_text(os.fsdecode(raw))
    text.encode("utf-8")
    assert os.fsencode(as_name(text)) == raw


@given(NAMES, NAMES)
def test_different_names_have_different_texts(one, other):
    assert (as_text(os.fsdecode(one)) == as_text(os.fsdecode(other))) == (one == other)


def test_valid_names_stay_unchanged():
    for name in ("آمنہ/Urdu/1.mp4", "a b.mp4", "back\\slash", "new\nline", "\\x41"):
        assert as_text(name) == name


def test_two_paths_to_the_same_file(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).touch()
    (tmp_path / "link").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to("nowhere")
    for name in ("a", "broken"):
        assert is_same_file(tmp_path / name, tmp_path / "link" / ".." / tmp_path.name / name)
        assert is_same_file(tmp_path / name, tmp_path / "link" / name)
        assert not is_same_file(tmp_path / name, tmp_path / "b")
