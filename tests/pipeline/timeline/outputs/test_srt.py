from mraf.pipeline.timeline.outputs.srt import srt
from tests.helpers.timelines import ANN, URDU, named, talk


def test_those_who_speak_at_once_have_a_line_each():
    blocks = srt(talk()).split("\n\n")
    assert blocks[1] == f"2\n00:00:03,000 --> 00:00:03,500\n{ANN}\n{URDU}"
    assert len(blocks) == 4


def test_names_that_players_would_take_for_commands():
    text = srt(named("<i>x</i>", "two\n\n3", "a --> b", r"{\an8}up"))
    assert text.count("-->") == 4
    assert "<" not in text and "{" not in text
    assert len(text.split("\n\n")) == 4


def test_no_turns():
    assert srt(named()) == ""
