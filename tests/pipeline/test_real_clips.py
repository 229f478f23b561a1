"""The whole pipeline on real people, with the packaged encoders and the default preset.

The clips are of one recording a person, so that the clips which are named share background,
microphone and clothes with those that trained: the test shows that the parts fit together on real
videos, not how good the model is. `tests/pipeline/polysim/test_accuracy.py` shows that, on other recordings.
"""

from pathlib import Path

import av
import numpy as np
import pytest

from mraf import Identifier
from mraf.data.clips.folders import find_clips
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.training.train import train

pytestmark = [pytest.mark.shared, pytest.mark.weights]


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


def noisy(source: Path, target: Path) -> Path:
    """The clip with its picture as it was, and white noise 5 dB below its sound."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        picture, sound = old.streams.video[0], old.streams.audio[0]
        video = new.add_stream_from_template(picture)
        audio = new.add_stream("aac", rate=sound.rate, layout="mono")
        resampler = av.AudioResampler("fltp", "mono", sound.rate)
        heard = []
        for packet in old.demux(picture, sound):
            if packet.stream is sound:
                for frame in packet.decode():
                    heard += [each.to_ndarray()[0] for each in resampler.resample(frame)]
            elif packet.dts is not None:
                packet.stream = video
                new.mux(packet)
        wave = np.concatenate(heard)
        level = np.sqrt(np.mean(np.square(wave, dtype=float)) / 10 ** (5 / 10))
        noise = np.random.default_rng(len(wave)).normal(0, level, len(wave))
        loud = av.AudioFrame.from_ndarray((wave + noise).astype(np.float32)[None], "fltp", "mono")
        loud.sample_rate, loud.pts = sound.rate, 0
        new.mux(audio.encode(loud))
        new.mux(audio.encode(None))
    return target


def blacked_out_and_noisy(source: Path, target: Path) -> Path:
    """The clip with a black picture and noise on its sound."""
    return noisy(blacked_out(source, target.with_suffix(".black.mp4")), target)


def halves(clips):
    """The first and the second half of each speaker's clips, in the order of time."""
    of_speaker = {}
    for clip in clips:
        of_speaker.setdefault(clip.speaker, []).append(clip)
    cut = [(each[: len(each) // 2], each[len(each) // 2 :]) for each in of_speaker.values()]
    return [clip for one, _ in cut for clip in one], [clip for _, two in cut for clip in two]


@pytest.fixture(scope="module")
def clips(real_videos):
    return find_clips([real_videos])


@pytest.fixture(scope="module")
def workspace(clips, packaged, tmp_path_factory):
    """Trained on the first half of each person's recording, with the default preset."""
    folder = tmp_path_factory.mktemp("real") / "workspace"
    first = halves(clips)[0]
    report = extract_clips(first, workspace=folder, encoders=packaged, worker_count=2)
    assert (report.embedded, report.failed) == (len(first), ())
    assert (report.face_missing, report.voice_missing) == (0, 0)
    train(folder, holdout=0)
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
        (noisy, 0.95, (True, True)),
        (blacked_out_and_noisy, 0.90, (False, True)),
    ],
)
def test_later_clips_are_named(clips, who, tmp_path, change, goal, present):
    right = []
    for number, clip in enumerate(halves(clips)[1]):
        path = change(clip.video, tmp_path / f"{number}.mp4") if change else clip.video
        answer = who(path)
        assert (answer.face.present, answer.voice.present) == present, clip.id
        right.append(answer.speaker == clip.speaker)
    print(f"{np.mean(right):.3f} of {len(right)}")
    assert np.mean(right) >= goal
