from pathlib import Path

import av
import pytest

from mraf.errors import MediaError
from mraf.pipeline.timeline.outputs.annotated import annotate as module
from mraf.pipeline.timeline.outputs.annotated.annotate import annotate
from tests.helpers.format_files import film, picture, sound, write_clip
from tests.helpers.timelines import talk


def dies(pipe, timeline, video, file):
    """What a decoder does that a damaged file crashes."""
    import os
    import signal

    file.write_bytes(b"half")
    pipe.send(("at", 0.5))
    os.kill(os.getpid(), signal.SIGSEGV)


def hangs(pipe, timeline, video, file):
    import time

    file.write_bytes(b"half")
    pipe.send(("at", 0.5))
    time.sleep(600)


@pytest.fixture
def video(tmp_path):
    return write_clip(tmp_path / "a talk #1.mp4", picture(frames=film(50)), sound())


def test_a_whole_video_with_progress(video, tmp_path):
    seen = []
    file = tmp_path / "out" / "timeline.mp4"
    annotate(talk(), video, file, on_progress=lambda at, whole: seen.append((at, whole)))
    assert seen[-1] == (pytest.approx(1.96), 8.0)
    with av.open(str(file)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert [each.name for each in file.parent.iterdir()] == ["timeline.mp4"]


def test_a_decoder_that_crashes_ends_this_output_alone(video, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_serve", dies)
    with pytest.raises(MediaError, match=r"a talk #1\.mp4: .* the decoder crashed \(SIGSEGV\)"):
        annotate(talk(), video, tmp_path / "out" / "timeline.mp4")
    assert not list((tmp_path / "out").iterdir())


def test_a_decoder_that_hangs_is_ended(video, tmp_path, monkeypatch):
    """Part of the file is there by then, and goes."""
    halves = []

    def on_progress(at, whole):
        halves.extend((tmp_path / "out").iterdir())
        monkeypatch.setattr(module, "SILENCE", 0.01)

    monkeypatch.setattr(module, "_serve", hangs)
    with pytest.raises(MediaError, match="does not answer"):
        annotate(talk(), video, tmp_path / "out" / "timeline.mp4", on_progress=on_progress)
    assert len(halves) == 1 and not list((tmp_path / "out").iterdir())


class Words:
    """A pipe with words in it, which notes for how long each is waited."""

    def __init__(self, *words):
        self.words, self.waited = list(words), []

    def poll(self, limit):
        self.waited.append(limit)
        return True

    def recv(self):
        return self.words.pop(0)


def test_closing_a_long_file_may_take_its_time(tmp_path):
    pipe = Words(("at", 1.0), ("closing", 2.0), ("done", ["ends early"]))
    assert module._follow(None, pipe, ("a.mp4", tmp_path), 2.0, None) == ("ends early",)
    assert pipe.waited == [module.SILENCE, module.SILENCE, None]


def test_remarks_name_the_file(video, tmp_path):
    remarks = annotate(talk(duration=60.0), video, tmp_path / "timeline.mp4")
    assert remarks == ("timeline.mp4: ends at 2.0 s of the timeline's 60.0 s: so does the video",)


def test_what_is_no_video(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    with pytest.raises(MediaError, match=r"a\.mp4: not a video or sound file"):
        annotate(talk(), tmp_path / "a.mp4", tmp_path / "timeline.mp4")


def test_no_file(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        annotate(talk(), tmp_path / "a.mp4", tmp_path / "timeline.mp4")


def full(pipe, timeline, video, file):
    """What happens where the disk is full."""
    from pathlib import Path

    module._serve(pipe, timeline, video, Path("/dev/full"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_told(video, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_serve", full)
    with pytest.raises(OSError, match="No space left") as caught:
        annotate(talk(), video, tmp_path / "timeline.mp4")
    assert caught.value.filename == str(tmp_path / "timeline.mp4")
