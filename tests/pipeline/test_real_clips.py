"""The whole pipeline on real people, with the packaged encoders."""

from pathlib import Path

import av
import numpy as np
import pytest

from mraf.data.clips.manifest import find_clips
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.network.options import TrainOptions
from mraf.pipeline import Identifier
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.training.train import train

pytestmark = pytest.mark.shared
PACKAGED = EncoderPair(EncoderSpec("dlib"), EncoderSpec("ge2e"))


def blacked_out(source: Path, target: Path) -> Path:
    """The clip with every pixel black and the sound as it was."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        picture, sound = old.streams.video[0], old.streams.audio[0]
        video = new.add_stream("libx264", rate=picture.average_rate)
        video.width, video.height, video.pix_fmt = picture.width, picture.height, "yuv420p"
        audio = new.add_stream_from_template(sound)
        for packet in old.demux(picture, sound):
            if packet.dts is None:
                continue
            if packet.stream is sound:
                packet.stream = audio
                new.mux(packet)
                continue
            for frame in packet.decode():
                black = av.VideoFrame.from_ndarray(
                    np.zeros((frame.height, frame.width, 3), np.uint8), format="rgb24"
                )
                black.pts, black.time_base = frame.pts, frame.time_base
                new.mux(video.encode(black))
        new.mux(video.encode(None))
    return target


def without_sound(source: Path, target: Path) -> Path:
    """The clip with its picture as it was and no audio stream."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        picture = old.streams.video[0]
        video = new.add_stream_from_template(picture)
        for packet in old.demux(picture):
            if packet.dts is not None:
                packet.stream = video
                new.mux(packet)
    return target


@pytest.fixture(scope="module")
def clips(real_videos):
    return find_clips([real_videos])


@pytest.fixture(scope="module")
def workspace(clips, tmp_path_factory):
    """Trained on every other clip of each recording."""
    folder = tmp_path_factory.mktemp("real") / "workspace"
    report = extract_clips(clips[::2], workspace=folder, encoders=PACKAGED, worker_count=2)
    assert (report.embedded, report.failed) == (len(clips[::2]), ())
    assert (report.face_missing, report.voice_missing) == (0, 0)
    train(folder, holdout=0, options=TrainOptions(threads=2))
    return folder


@pytest.fixture(scope="module")
def who(workspace):
    return Identifier(workspace)


@pytest.mark.parametrize(
    ("change", "goal", "present"),
    [
        (None, 0.95, (True, True)),
        (blacked_out, 0.90, (False, True)),
        (without_sound, 0.90, (True, False)),
    ],
)
def test_clips_that_did_not_train_are_named(clips, who, tmp_path, change, goal, present):
    right = []
    for number, clip in enumerate(clips[1::2]):
        path = change(clip.video, tmp_path / f"{number}.mp4") if change else clip.video
        answer = who(path)
        assert (answer.face.present, answer.voice.present) == present, clip.id
        right.append(answer.speaker == clip.speaker)
    print(f"{np.mean(right):.3f} of {len(right)}")
    assert np.mean(right) >= goal
