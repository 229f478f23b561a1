"""The choice of networks and model for timelines, and one whole run on a real clip."""

import shutil
from pathlib import Path

import pytest

import mraf
from mraf.data.clips.clip import Clip
from mraf.errors import BusyError, MissingError, UsageError
from mraf.extractors.weights import PACKAGED
from mraf.pipeline.people.enrol import enrol_rows
from mraf.pipeline.timeline.corrections.enrolling import rows_of
from mraf.pipeline.timeline.making import FileMaker
from mraf.pipeline.timeline.observation.progress import Progress
from mraf.pipeline.timeline.timeline import Streams
from mraf.pipeline.timeline.wishes import Wishes
from mraf.pipeline.workspace import Workspace
from tests.helpers.conversations import conversation
from tests.helpers.timeline_maker import PAIR, StandIn


@pytest.fixture
def at_hand(monkeypatch) -> None:
    """Weights of the segmentation, and none of LR-ASD."""
    monkeypatch.setattr("mraf.extractors.weights.get", lambda *_, **__: Path("weights"))
    here = {"segmentation": PACKAGED, "lr_asd": None}
    monkeypatch.setattr("mraf.extractors.weights.at_hand", lambda name, _: here[name])


@pytest.fixture
def enrolled(tmp_path) -> Workspace:
    """A workspace whose model knows Ann by vectors of dlib and CAM++."""
    place, talk = Workspace(tmp_path / "ws"), conversation()
    stand_in = StandIn(place, Wishes())
    (tmp_path / "talk.mp4").write_bytes(b"talk")
    made = stand_in.make(tmp_path / "talk.mp4", lambda *_: None)
    assert made.assembled is not None
    rows = rows_of("Ann", talk, made.assembled, stand_in.source(tmp_path / "talk.mp4"))
    enrol_rows(place, "Ann", rows)
    return place


def test_without_a_model_a_note_says_how_to_get_names(at_hand, tmp_path):
    maker = FileMaker(Workspace(tmp_path), Wishes(), encoders=PAIR)
    (note,) = maker.notes
    assert "There is no model" in note and "--enrol" in note


def test_a_model_has_its_encoders(at_hand, enrolled):
    maker = FileMaker(enrolled, Wishes(), encoders=PAIR)
    assert not any("no model" in note for note in maker.notes)
    with pytest.raises(
        UsageError, match="--voice ecapa: the model 'enrolled' knows people by campplus"
    ):
        FileMaker(enrolled, Wishes(), voice="ecapa")


def test_a_model_that_is_named_has_to_be_there(at_hand, enrolled):
    with pytest.raises(MissingError, match="no model 'other'"):
        FileMaker(enrolled, Wishes(model="other"), encoders=PAIR)


def test_weights_that_cannot_be_had_are_told_before_a_file_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mraf.extractors.weights.cache_dir", lambda: tmp_path / "empty")
    monkeypatch.setattr("mraf.extractors.weights.find", lambda *_: None)
    with pytest.raises(MissingError, match="The weights of 'segmentation'"):
        FileMaker(Workspace(tmp_path), Wishes(), encoders=PAIR, offline=True)


def test_wrong_tracks_and_devices_are_refused(at_hand, tmp_path):
    with pytest.raises(UsageError, match="--audio-track '0'"):
        FileMaker(Workspace(tmp_path), Wishes(), encoders=PAIR, audio_track="0")
    with pytest.raises(UsageError, match="quantum"):
        FileMaker(Workspace(tmp_path), Wishes(), encoders=PAIR, device="quantum")


def test_a_decoder_that_gives_nothing_is_a_step_of_its_own(at_hand, tmp_path, monkeypatch):
    def quiet(*_, on_progress, **__):
        for is_waiting in (False, True):
            some = {"speed": 1.0, "left": 1.0, "reused": 0.0, "is_waiting": is_waiting}
            on_progress(Progress(done=70.0, duration=90.0, **some))
        raise BusyError("enough")

    monkeypatch.setattr("mraf.pipeline.timeline.observation.observe.observe", quiet)
    steps = []
    maker = FileMaker(Workspace(tmp_path), Wishes(), encoders=PAIR)
    with pytest.raises(BusyError):
        maker.make(tmp_path / "talk.mp4", lambda step, *_: steps.append(step))
    assert steps == ["reading", "waiting"]


@pytest.mark.shared
def test_a_real_clip_is_named_after_somebody_was_enrolled_from_another(
    real_videos, packaged, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    first, second = sorted(real_videos.glob("spk02/English/v1/*.mp4"))[:2]
    shutil.copy(first, "first.mp4")
    shutil.copy(second, "second.mp4")
    done = []
    (found,) = mraf.timeline("first.mp4", workspace="ws", encoders=packaged, on_done=done.append)
    speaking = [each.name for each in found.people if each.seconds]
    assert speaking == ["unknown 1"] and not done[0].reused
    assert found.content == Clip("first", Path("first.mp4")).content_hash()
    assert found.streams == Streams(sound=1, picture=1) and found.content_bytes
    report = mraf.correct(
        "first.mp4", rename={"unknown 1": "Bob"}, enrol=["Bob"], workspace="ws", encoders=packaged
    )
    assert report.enrolled[0].begun and report.enrolled[0].voice
    (found,) = mraf.timeline("second.mp4", workspace="ws", encoders=packaged)
    assert [each.name for each in found.people if each.seconds] == ["Bob"]
    mraf.timeline("first.mp4", workspace="ws", encoders=packaged, on_done=done.append)
    assert done[1].reused == pytest.approx(done[1].timeline.duration)
    assert "Bob" in Path("timelines/first/timeline.srt").read_text("utf-8")


def test_a_sound_file_has_the_digest_that_extract_gives_it(at_hand, tmp_path):
    sound = tmp_path / "talk.wav"
    sound.write_bytes(b"sound")
    maker = FileMaker(Workspace(tmp_path / "ws"), Wishes(), encoders=PAIR)
    assert maker.source(sound).digest == Clip("talk.wav", audio=sound).content_hash()
