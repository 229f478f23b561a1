"""The sample videos: files and table, hidden faces and voices, and the seed."""

import csv
from dataclasses import asdict, replace
from pathlib import Path

import av
import numpy as np
import pytest

from mraf.data.sample.make import DemoClip, _make_recording, make_sample
from mraf.data.sample.plan import HIDDEN, SampleOptions, Take
from mraf.errors import UsageError

SMALL = SampleOptions(speakers=2, recordings=(1, 1), clips=2, width=192, height=144, workers=1)


def read(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the frames [T, H, W] in grey and the sound [N], or None without a stream."""
    with av.open(str(path)) as container:
        frames = np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)])
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return frames, None
        return frames, np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DemoClip]]:
    folder = tmp_path_factory.mktemp("sample")
    return folder, make_sample(folder, SMALL)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[DemoClip]]:
    """One recording with every way to hide a face or a voice."""
    folder = tmp_path_factory.mktemp("marked")
    place = {"speaker": 1, "language": "Urdu", "recording": 0}
    takes = [Take(**place, clip=i, face=face) for i, face in enumerate(HIDDEN)]
    takes.append(Take(**place, clip=4, sound="muted"))
    takes.append(Take(**place, clip=5, sound="no_stream"))
    return folder, _make_recording(folder, SMALL, takes)


def test_layout_and_table(sample: tuple[Path, list[DemoClip]]) -> None:
    folder, clips = sample
    assert len(clips) == 8
    for clip in clips:
        assert (folder / clip.path).is_file()
        assert clip.path.split("/")[:3] == [clip.speaker, clip.language, clip.recording]
        assert clip.text
    with (folder / "sample.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [asdict(clip) for clip in clips]
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {clip.path for clip in clips} | {"sample.csv"}


def test_streams(sample: tuple[Path, list[DemoClip]]) -> None:
    folder, clips = sample
    for clip in clips:
        with av.open(str(folder / clip.path)) as container:
            video = container.streams.video[0]
            assert video.codec_context.name == "h264"
            assert video.pix_fmt == "yuv420p"
            assert (video.width, video.height) == (192, 144)
            assert video.average_rate == 25
            if clip.sound == "none":
                continue
            audio = container.streams.audio[0]
            assert audio.codec_context.name == "aac"
            picture = float(video.duration * video.time_base)
            assert 3.0 <= picture <= 4.0
            assert abs(picture - float(audio.duration * audio.time_base)) <= 1 / 25


def test_speech_is_heard_and_the_picture_moves(sample: tuple[Path, list[DemoClip]]) -> None:
    folder, clips = sample
    for clip in clips:
        frames, wave = read(folder / clip.path)
        if clip.sound == "speech":
            assert wave is not None and np.sqrt(np.mean(wave**2)) > 0.01
        if clip.face == "seen":
            change = np.abs(frames[10].astype(float) - frames[40].astype(float))
            assert change.mean() > 0.5
            assert 30 < frames.mean() < 220


def test_same_options_make_the_same_clips(
    sample: tuple[Path, list[DemoClip]], tmp_path: Path
) -> None:
    folder, clips = sample
    # In other processes and with one more person: nothing that was there changes.
    again = make_sample(tmp_path, replace(SMALL, speakers=3, workers=2))
    assert set(clips) <= set(again) and len(again) == 12
    for clip in clips:
        frames, wave = read(folder / clip.path)
        same_frames, same_wave = read(tmp_path / clip.path)
        assert np.array_equal(frames, same_frames)
        assert (wave is None) == (same_wave is None)
        assert wave is None or same_wave is None or np.array_equal(wave, same_wave)


def test_another_seed_makes_others(sample: tuple[Path, list[DemoClip]], tmp_path: Path) -> None:
    folder, clips = sample
    make_sample(tmp_path, replace(SMALL, seed=1, languages=("English",), recordings=(1,), clips=1))
    first, second = (read(root / clips[0].path)[0] for root in (folder, tmp_path))
    assert np.abs(first[0].astype(float) - second[0].astype(float)).mean() > 5


def test_hidden_faces_and_missing_sound_are_as_in_the_table(
    marked: tuple[Path, list[DemoClip]],
) -> None:
    folder, clips = marked
    assert {c.face for c in clips} == {"seen", "hand", "turned_away", "dark", "out_of_frame"}
    assert [c.sound for c in clips].count("none") == 2
    streams = set()
    for clip in clips:
        frames, wave = read(folder / clip.path)
        assert (frames.mean() < 24) == (clip.face == "dark")  # video black is 16
        if clip.sound == "none":
            streams.add(wave is not None)
            assert wave is None or np.abs(wave).max() < 1e-3
        else:
            assert wave is not None and np.abs(wave).max() > 0.02
    assert streams == {True, False}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"speakers": 1}, "speakers is 1"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_options(tmp_path: Path, change: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word):
        make_sample(tmp_path / "new", replace(SMALL, **change))  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_a_file_for_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "taken"
    file.write_text("x")
    with pytest.raises(UsageError, match="is a file"):
        make_sample(file, SMALL)
    with pytest.raises(UsageError, match="cannot be made"):
        make_sample(file / "below", SMALL)


def test_progress_counts_every_clip_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    options = replace(SMALL, languages=("English",), recordings=(1,), clips=1)
    make_sample(tmp_path, options, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_an_interrupted_film_leaves_no_file(tmp_path: Path) -> None:
    from mraf.data.sample.film import write_film

    def frames():  # type: ignore[no-untyped-def]
        yield np.zeros((64, 64, 3), np.uint8)
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_film(tmp_path / "a.mp4", frames(), None, 24_000)
    assert list(tmp_path.iterdir()) == []
