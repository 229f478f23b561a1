from mraf.pipeline.timeline.outputs.rttm import rttm
from tests.helpers.timelines import named, talk


def test_a_reader_of_others_finds_the_turns(tmp_path):
    from pyannote.database.util import load_rttm

    (tmp_path / "a.rttm").write_text(rttm(talk(path="/videos/a talk.mp4")), "utf-8")
    read = load_rttm(tmp_path / "a.rttm")["a_talk"]
    found = [(s.start, s.end, label) for s, _, label in read.itertracks(yield_label=True)]
    assert found == [
        (0.5, 3.5, "Ann_Lee"),
        (3.0, 5.5, "عائشہ_خان"),
        (6.0, 7.5, "unknown_1"),
    ]


def test_each_line_has_ten_fields():
    text = rttm(named("a b", "tab\tand\nline", " ", "“quoted”", "no\u00a0break"))
    assert [len(line.split()) for line in text.splitlines()] == [10] * 5


def test_two_names_stay_two():
    text = rttm(named("Ann Lee", "Ann_Lee", "Ann  Lee"))
    names = [line.split()[7] for line in text.splitlines()]
    assert len(set(names)) == 3
    assert names[1] == "Ann_Lee"  # the one that is written so


def test_no_turns():
    assert rttm(named()) == ""
