from mraf.pipeline.timeline.outputs.vtt import vtt
from tests.helpers.timelines import named, talk


def test_a_cue_has_voice_and_text():
    blocks = vtt(talk()).split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert blocks[1] == "00:00:00.500 --> 00:00:03.500\n<v Ann Lee>Ann Lee</v>"
    assert len(blocks) == 4


def test_names_that_would_end_a_cue_or_a_tag():
    text = vtt(named("a < b & c > d", "two\n\nlines", "x --> y", "--"))
    assert "<v a &lt; b &amp; c &gt; d>" in text
    assert "<v two lines>two lines</v>" in text
    assert text.count("-->") == 4  # of the times alone


def test_no_turns():
    assert vtt(named()) == "WEBVTT\n"
