"""Corrections by hand, and enrolment of people of a timeline."""

from dataclasses import replace
from pathlib import Path

import pytest

import mraf
from mraf import correct, timeline
from mraf.errors import UsageError
from tests.helpers.conversations import conversation, track


@pytest.fixture
def talk(stand_in, tmp_path, monkeypatch) -> Path:
    """A file with a timeline."""
    monkeypatch.chdir(tmp_path)
    Path("talk.mp4").write_bytes(b"talk")
    timeline("talk.mp4", formats="srt,vtt,html,eaf,rttm,txt,csv", embed=True)
    stand_in.made.clear()
    return Path("talk.mp4")


def names(report) -> list[str]:
    return [each.name for each in report.timeline.people]


def test_all_outputs_that_were_there_are_written_anew(talk, stand_in):
    report = correct(talk, rename=["unknown 1=Ann Lee", "unknown 2=علی"])
    assert names(report) == ["Ann", "Ann Lee", "علی"]
    assert report.made == ("unknown 1=Ann Lee", "unknown 2=علی")
    for name in "json srt vtt html eaf txt csv".split():
        text = Path(f"timelines/talk/timeline.{name}").read_text("utf-8")
        assert "Ann Lee" in text and "علی" in text and "unknown 1" not in text, name
    assert "Ann_Lee" in Path("timelines/talk/timeline.rttm").read_text("utf-8")
    assert len(report.files) == 8 and not stand_in.made  # nothing was read again
    page = Path("timelines/talk/timeline.html").read_text("utf-8")
    assert "dGFsaw==" in page  # the video stays in the page


def test_the_folder_and_its_file_name_a_timeline_too(talk):
    assert names(correct("timelines/talk", rename={"Ann": "Bo"}))[0] == "Bo"
    talk.unlink()
    report = correct("timelines/talk/timeline.json", rename={"Bo": "Cy"})
    assert names(report)[0] == "Cy"
    assert not report.problems
    page = Path("timelines/talk/timeline.html").read_text("utf-8")
    assert "Cy" in page and "dGFsaw==" in page  # the only copy that is left


def test_two_become_one_after_a_yes(talk):
    with pytest.raises(UsageError, match=r"'Ann' is somebody in this timeline already.*--yes"):
        correct(talk, rename={"unknown 1": "Ann"})
    with pytest.raises(UsageError, match="'unknown 1' was not renamed"):
        correct(talk, rename={"unknown 1": "Ann"}, on_question=lambda _: False)
    assert not Path("timelines/talk/corrections.json").exists()
    asked = []
    correct(talk, rename={"unknown 1": "Ann"}, on_question=lambda q: bool(asked.append(q)) or True)
    assert len(asked) == 1 and "Are they one person?" in asked[0] and "at once" not in asked[0]
    assert names(correct(talk, rename={"unknown 2": "Ann"}, yes=True)) == ["Ann"]


def test_people_who_are_seen_at_once_are_asked_about(talk, stand_in):
    found = conversation()
    stand_in.talk = replace(found, tracks=(*found.tracks, track("unknown 1", 2.0, 9.0)))
    timeline(talk)
    with pytest.raises(UsageError, match="They are seen at once for 7 s"):
        correct(talk, rename={"unknown 1": "Ann"})


def test_nothing_is_written_where_one_of_several_is_wrong(talk):
    before = Path("timelines/talk/timeline.json").read_bytes()
    with pytest.raises(UsageError, match="Nobody is called 'Bob'"):
        correct(talk, rename=["Ann=Bo", "Bob=Cy"])
    with pytest.raises(UsageError, match="is no time"):
        correct(talk, rename={"Ann": "Bo"}, split=["Bo@a-b=Cy"])
    with pytest.raises(UsageError, match="Nothing to correct"):
        correct(talk)
    assert Path("timelines/talk/timeline.json").read_bytes() == before
    assert not Path("timelines/talk/corrections.json").exists()


def test_corrections_follow_each_other(talk):
    report = correct(talk, rename={"unknown 1": "Bob"}, split=["Bob@50-=unknown"])
    assert names(report) == ["Ann", "Bob", "unknown 2", "unknown 3"]
    report = correct(talk, rename={"unknown 3": "Bob"}, yes=True)
    assert names(report) == ["Ann", "Bob", "unknown 2"]
    (again,) = timeline(talk)
    assert again.people == report.timeline.people and again.turns == report.timeline.turns


def test_a_person_of_a_timeline_is_enrolled(talk, stand_in):
    report = correct(talk, rename={"unknown 1": "Bob"}, enrol=["Bob"])
    (enrolled,) = report.enrolled
    assert (enrolled.name, enrolled.begun, enrolled.references) == ("Bob", True, 1)
    assert enrolled.voice == 2 and enrolled.face == 2 and enrolled.speech == 21.5
    rows = sorted(mraf.Workspace.at("mraf-workspace").table.rows(), key=lambda row: row.start)
    assert [(row.start, row.end, row.speaker) for row in rows] == [
        (10.5, 25.0, "Bob"),
        (52.0, 60.0, "Bob"),
    ]
    assert len(stand_in.made) == 1
    # A second time adds nothing; another person of the file comes beside.
    (again,) = correct(talk, enrol=["Bob"]).enrolled
    assert (again.clips, again.already) == (0, 2)
    (ann,) = correct(talk, enrol=["Ann"]).enrolled
    assert (ann.begun, ann.clips) == (False, 2)


def test_who_is_not_named_or_says_too_little_is_not_enrolled(talk, stand_in):
    with pytest.raises(UsageError, match='--rename "unknown 1=NAME" --enrol NAME'):
        correct(talk, enrol=["unknown 1"])
    with pytest.raises(UsageError, match="Nobody is called 'Eve'"):
        correct(talk, enrol=["Eve"])
    found = conversation()
    turns = tuple(replace(t, end=t.start + 1.5) for t in found.turns if t.speaker == "unknown 2")
    stand_in.talk = conversation(turns=turns, tracks=(), people=found.people[2:])
    timeline(talk)
    said = r"0\.0 s of speech of them alone.*no face.*The corrections of the timeline were made"
    with pytest.raises(UsageError, match=said):
        correct(talk, rename={"unknown 2": "Cy"}, enrol=["Cy"])
    assert not mraf.Workspace.at("mraf-workspace").table.folder.exists()


def test_what_was_split_off_is_not_enrolled(talk):
    report = correct(talk, split=["Ann@30-=Bob"], enrol=["Ann"])
    (enrolled,) = report.enrolled
    assert enrolled.clips == 1
    (row,) = mraf.Workspace.at("mraf-workspace").table.rows()
    assert (row.start, row.end) == (0.0, 10.0)


def test_who_is_only_seen_is_enrolled_by_the_face(talk, stand_in):
    found = conversation()
    stand_in.talk = replace(found, turns=found.turns[:1] + found.turns[3:4])
    timeline(talk)
    (enrolled,) = correct(talk, rename={"unknown 1": "Bob"}, enrol=["Bob"]).enrolled
    assert (enrolled.face, enrolled.voice) == (1, 0)


def test_other_content_is_not_corrected_before_its_timeline_is_made(talk):
    talk.write_bytes(b"the news of the next day")
    before = Path("timelines/talk/timeline.json").read_bytes()
    for wish in ({"rename": {"unknown 1": "Bob"}}, {"enrol": ["Ann"]}, {"split": ["Ann@30-=Bob"]}):
        with pytest.raises(UsageError, match=r"of other content than .*talk\.mp4 holds now"):
            correct(talk, **wish)
        with pytest.raises(UsageError, match="of other content"):
            correct("timelines/talk", **wish)
    assert Path("timelines/talk/timeline.json").read_bytes() == before
    assert not Path("timelines/talk/corrections.json").exists()
    timeline(talk)
    assert names(correct(talk, rename={"unknown 1": "Bob"}))[1] == "Bob"


def test_a_file_that_has_grown_is_corrected(talk):
    with talk.open("ab") as file:
        file.write(b" goes on")
    assert names(correct(talk, rename={"unknown 1": "Bob"}))[1] == "Bob"


def test_corrections_of_other_content_do_not_get_into_others(talk):
    """Somebody gives those that were set aside their name again."""
    correct(talk, rename={"unknown 1": "Bob"})
    talk.write_bytes(b"the news of the next day")
    timeline(talk)
    aside = Path("timelines/talk/corrections.old.json")
    aside.rename("timelines/talk/corrections.json")
    with pytest.raises(UsageError, match=r"corrections\.json: these corrections are of other"):
        correct(talk, rename={"unknown 1": "Eve"})


def test_the_tracks_of_the_timeline_are_read_for_enrolment(talk, stand_in):
    timeline(talk, audio_track="fr", video_track=3)
    stand_in.made.clear()
    correct(talk, enrol=["Ann"])
    correct(talk, enrol=["Ann"], audio_track="2", video_track=3)
    assert [(more["audio_track"], more["video_track"]) for _, more in stand_in.made] == [
        ("fr", 3)
    ] * 2
    with pytest.raises(UsageError, match="--audio-track en: this timeline was made from another"):
        correct(talk, enrol=["Ann"], audio_track="en")
    timeline(talk)
    stand_in.made.clear()
    correct(talk, enrol=["Ann"])
    ((_, more),) = stand_in.made
    assert (more["audio_track"], more["video_track"]) == (None, None)


def test_who_was_enrolled_before_it_failed_is_told(talk, monkeypatch):
    from mraf.pipeline.timeline.corrections import correct as module

    enrol_rows, calls = module.enrol_rows, []

    def second_fails(*args, **more):
        calls.append(args)
        if len(calls) == 2:
            raise UsageError("no room.")
        return enrol_rows(*args, **more)

    monkeypatch.setattr(module, "enrol_rows", second_fails)
    said = r"no room\. The corrections .* stay\. Enrolled before that, and stay so: 'Ann'\."
    with pytest.raises(UsageError, match=said):
        correct(talk, rename={"unknown 1": "Bob"}, enrol=["Ann", "Bob"])


def test_another_command_that_writes_is_waited_for(talk, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr("mraf.pipeline.timeline.corrections.stored.PATIENCE", 0.0)
    with (
        FileLock("timelines/talk/.corrections.lock"),
        pytest.raises(UsageError, match="another `mraf timeline` is writing here"),
    ):
        correct(talk, rename={"unknown 1": "Bob"})
    assert names(correct(talk, rename={"unknown 1": "Bob"}))[1] == "Bob"


def test_what_others_correct_while_a_question_is_answered_is_not_lost(talk):
    questions = []

    def answer(question):
        questions.append(question)
        if len(questions) == 1:
            correct(talk, rename={"unknown 2": "Cy"})
        return True

    report = correct(talk, rename={"unknown 1": "Ann"}, on_question=answer)
    assert names(report) == ["Ann", "Cy"] and len(questions) == 2
    assert [each.name for each in timeline(talk)[0].people] == ["Ann", "Cy"]
