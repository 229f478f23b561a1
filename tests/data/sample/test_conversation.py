"""The conversation of the sample: who speaks when, who is seen, and that others have other parts."""

from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from mraf.data.sample.conversation import FPS, HEIGHT, WIDTH, Line, make_conversation
from mraf.data.sample.plan import SampleOptions
from mraf.data.sample.voice import SAMPLE_RATE
from mraf.errors import UsageError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Line]]:
    path = tmp_path_factory.mktemp("talk") / "new" / "conversation.mp4"
    return path, make_conversation(path, SampleOptions(speakers=5))


def decoded(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the frames [T, H, W] in grey and the sound [N]."""
    with av.open(str(path)) as container:
        frames = np.stack([f.to_ndarray(format="gray") for f in container.decode(video=0)])
    with av.open(str(path)) as container:
        return frames, np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])


def test_four_people_talk_for_half_a_minute(made: tuple[Path, list[Line]]) -> None:
    path, lines = made
    frames, wave = decoded(path)
    assert frames.shape[1:] == (HEIGHT, WIDTH)
    assert 25 < len(frames) / FPS < 35
    assert abs(len(frames) / FPS - len(wave) / SAMPLE_RATE) < 0.1
    # The last one is the stranger, and the one before is enrolled by the demo.
    seen = {line.speaker for line in lines if line.seen}
    assert seen == {"person03", "person04", "person05"}
    assert {line.speaker for line in lines if not line.seen} == {"person02"}
    assert len({line.text for line in lines}) == len(lines)
    assert all(line.stop - line.start >= 2 for line in lines)


def test_speech_is_heard_where_the_truth_says_so(made: tuple[Path, list[Line]]) -> None:
    path, lines = made
    _, wave = decoded(path)
    inside = np.zeros(len(wave), bool)
    for line in lines:
        inside[int(line.start * SAMPLE_RATE) : int(line.stop * SAMPLE_RATE)] = True
    loud = np.sqrt(np.mean(wave[inside] ** 2)) / np.sqrt(np.mean(wave[~inside] ** 2))
    assert loud > 3
    assert all(a.stop < b.start for a, b in pairwise(lines))


def test_the_lips_move_of_the_one_of_two_who_speaks(made: tuple[Path, list[Line]]) -> None:
    path, lines = made
    frames, _ = decoded(path)
    beside = lines[3:6]
    assert [line.speaker for line in beside] == ["person03", "person04", "person02"]
    moves = []
    for line in beside:
        shown = frames[int(line.start * FPS) : int(line.stop * FPS)].astype(float)
        change = np.abs(np.diff(shown, axis=0))[:, HEIGHT // 3 : HEIGHT * 3 // 4]
        halves = change[..., : WIDTH // 2], change[..., WIDTH // 2 :]
        # The mouth changes the most, in the few pixels that change most.
        moves.append([float(np.percentile(half, 99.5)) for half in halves])
    (first, listens), (still, second), (neither, nor) = moves
    assert first > 1.3 * max(still, neither) and second > 1.3 * max(listens, nor)


def test_the_truth_lies_beside_the_video(made: tuple[Path, list[Line]]) -> None:
    path, lines = made
    rows = [row.split() for row in path.with_suffix(".rttm").read_text("utf-8").splitlines()]
    assert [(row[1], row[7]) for row in rows] == [("conversation", x.speaker) for x in lines]
    assert [float(row[3]) for row in rows] == pytest.approx([x.start for x in lines], abs=1e-3)
    assert [float(row[4]) for row in rows] == pytest.approx(
        [x.stop - x.start for x in lines], abs=1e-3
    )


def test_the_voice_of_a_part_does_not_depend_on_the_number_of_people(
    made: tuple[Path, list[Line]], tmp_path: Path
) -> None:
    again = make_conversation(tmp_path / "conversation.mp4", SampleOptions(speakers=4))
    _, lines = made
    said = [x.text for x in lines if x.speaker == "person02"]
    assert [x.text for x in again if x.speaker == "person02"] == said
    assert {x.speaker for x in again} == {"person01", "person02", "person03", "person04"}


def test_too_few_people_and_a_folder_that_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="speakers is 3; 4 or more"):
        make_conversation(tmp_path / "new" / "x.mp4", SampleOptions(speakers=3))
    assert not (tmp_path / "new").exists()
    (tmp_path / "taken").write_text("x")
    with pytest.raises(UsageError, match="cannot be made"):
        make_conversation(tmp_path / "taken" / "x.mp4", SampleOptions(speakers=4))
