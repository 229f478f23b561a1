"""The local engine and its plan."""

import threading
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from mraf import Workspace
from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import Search, find_clips
from mraf.errors import UsageError
from mraf.pipeline.extraction import extract as extraction
from mraf.pipeline.extraction import local as module
from mraf.pipeline.extraction.extract import extract, extract_clips
from mraf.pipeline.extraction.local import CLIPS_AT_ONCE, LocalEngine, local_engine
from mraf.pipeline.extraction.stream import ClipStream
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.quick_extract import HeldClip


def with_gpu(monkeypatch, cores):
    monkeypatch.setattr(module, "choose_device", lambda name: "cuda" if name == "auto" else name)
    monkeypatch.setattr(module, "available_cores", lambda: cores)


def test_on_a_cpu_each_core_has_a_worker_with_one_clip(monkeypatch):
    monkeypatch.setattr(module, "available_cores", lambda: 6)
    monkeypatch.setattr(module, "choose_device", lambda name: "cpu")
    assert local_engine() == LocalEngine(device="cpu", workers=6, decoders=1, at_once=1)
    assert local_engine("cpu", 3) == LocalEngine(device="cpu", workers=3, decoders=1, at_once=1)
    assert local_engine("cpu", 0) == LocalEngine(device="cpu", workers=0, decoders=1, at_once=1)


def test_a_gpu_is_shared_by_few_workers_with_many_decoders(monkeypatch):
    with_gpu(monkeypatch, 16)
    assert local_engine("auto") == LocalEngine(
        device="cuda", workers=2, decoders=8, at_once=CLIPS_AT_ONCE
    )
    assert local_engine("cuda", 4) == LocalEngine(
        device="cuda", workers=4, decoders=4, at_once=CLIPS_AT_ONCE
    )
    assert local_engine("cuda", 0) == LocalEngine(
        device="cuda", workers=0, decoders=16, at_once=CLIPS_AT_ONCE
    )
    assert local_engine("cpu") == LocalEngine(device="cpu", workers=16, decoders=1, at_once=1)
    with_gpu(monkeypatch, 128)
    assert local_engine("auto", 1).decoders == CLIPS_AT_ONCE
    with_gpu(monkeypatch, 1)
    assert local_engine("auto") == LocalEngine(
        device="cuda", workers=1, decoders=1, at_once=CLIPS_AT_ONCE
    )


@pytest.fixture
def videos(tmp_path, monkeypatch):
    """Six files that only the quick encoders, which are put in place, take for videos."""
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", quick_extract.setup)
    folder = tmp_path / "videos"
    for speaker in ("ann", "bob"):
        (folder / speaker).mkdir(parents=True)
        for number in range(3):
            (folder / speaker / f"{number}.mp4").write_text(f"{speaker} {number}")
    return folder


def work(clips, workspace, **options):
    return extract_clips(
        clips,
        workspace=workspace,
        encoders=quick_extract.ENCODERS,
        **{"worker_count": 0, **options},
    )


def rows(workspace):
    return {row.clip: row for row in Workspace(workspace).table.rows()}


def test_a_drive_that_hangs_holds_one_worker_and_not_the_run(videos, tmp_path):
    clips = [HeldClip(clip.id, clip.video) for clip in find_clips([videos])]
    clips[1].hold.touch()

    def go_on(progress):
        if progress.done == 5:
            clips[1].hold.unlink()

    report = work(clips, tmp_path / "w", worker_count=2, on_progress=go_on)
    assert (report.embedded, report.failed) == (6, ())


def test_known_content_is_not_embedded_again_and_loads_no_encoders(videos, tmp_path, monkeypatch):
    assert work(find_clips([videos]), tmp_path / "w").embedded == 6
    monkeypatch.setattr(
        "mraf.pipeline.extraction.rows.setup_worker", lambda *_: pytest.fail("encoders")
    )
    (videos / "ann" / "copy.mp4").write_text("bob 2")
    report = work(find_clips([videos]), tmp_path / "w")
    assert (report.reused, report.embedded) == (7, 0)


def test_many_clips_are_hashed_in_blocks_and_few_one_by_one(videos, monkeypatch):
    monkeypatch.setattr(module, "BLOCKS_A_WORKER", 2)
    clips = [Clip(str(number), videos / "ann" / "0.mp4") for number in range(100)]
    for count, workers, at_once, size in (
        (100, 2, 1, 25),
        (100, 1, 1, 32),
        (4, 2, 1, 1),
        (4, 2, 3, 3),
    ):
        plan = module._Plan(ClipStream(clips[:count]), workers=workers, at_once=at_once)
        batch = next(plan.batches())
        assert (len(batch.jobs), batch.setup, plan.hashing) == (size, module._HASH, size)


@pytest.fixture
def listing(monkeypatch):
    """Holds up the search of a folder until the event is set."""
    import os

    go_on, scandir = threading.Event(), os.scandir

    def slow(folder):
        if str(folder).endswith("bob"):
            assert go_on.wait(300)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", slow)
    # Their layout is inferred from the first two clips.
    monkeypatch.setattr("mraf.data.clips.folders.SAMPLE", 2)
    monkeypatch.setattr("mraf.data.clips.folders._SAMPLE_OF_ONE", 2)
    monkeypatch.setattr("mraf.data.clips.trees._LOOKED_INTO", 0)
    yield go_on
    go_on.set()


@pytest.mark.parametrize("workers", [0, 2])
def test_clips_are_embedded_before_the_last_is_found(
    videos, tmp_path, monkeypatch, listing, workers
):
    """The second folder is read when the clips of the first are done."""
    monkeypatch.setattr(extraction, "choose_encoders", lambda *_, **__: quick_extract.ENCODERS)
    monkeypatch.setattr(extraction, "LISTING_SECONDS", 0)
    (videos / "bob" / "x.txt").touch()
    seen = []

    def go_on(progress):
        seen.append(progress)
        if progress.done == 3:
            listing.set()

    report = extract(videos, workspace=tmp_path / "w", workers=workers, on_progress=go_on)
    assert (report.clips, report.embedded, report.other_files) == (6, 6, {".txt": 1})
    assert (3, False) in [(each.clips, each.all_found) for each in seen if each.done == 3]
    assert (seen[-1].clips, seen[-1].all_found, seen[-1].done) == (6, True, 6)


def test_names_that_cannot_be_told_apart_end_a_run_late_with_what_is_done(
    videos, tmp_path, listing
):
    def clips():
        yield from Search([videos])
        raise UsageError("two clips have the id 'x'.")

    def go_on(progress):
        if progress.done == 3:
            listing.set()

    said = r"two clips have the id 'x'.*What was embedded before stays in the table"
    search = ClipStream(clips())
    with closing(search) as found, pytest.raises(UsageError, match=said):
        work(found, tmp_path / "w", on_progress=go_on)
    assert len(rows(tmp_path / "w")) >= 3


def test_a_row_is_not_replaced_whose_id_a_clip_has_that_is_found_late(videos, tmp_path):
    """As in the sequence; the clip with the new name is done before the other one is known."""
    old, moved, new = (videos / name for name in ("old.mp4", "moved.mp4", "new.mp4"))
    old.write_text("first")
    work([Clip("a", old)], tmp_path / "w")
    old.rename(moved)
    new.write_text("second")
    go_on = threading.Event()

    def late():
        yield Clip("b", moved)
        yield Clip("c", videos / "ann" / "0.mp4")
        assert go_on.wait(300)
        yield Clip("a", new)

    with closing(ClipStream(late())) as found:
        report = work(found, tmp_path / "w", on_progress=lambda each: each.done and go_on.set())
    assert (report.clips, report.reused, report.embedded, report.renamed) == (3, 1, 2, ())
    assert sorted(rows(tmp_path / "w")) == ["a", "b", "c"]
    assert np.array_equal(rows(tmp_path / "w")["b"].face, quick_extract.vectors_of(b"first")[0])


def test_a_namesake_is_found_before_other_clips_are_done(videos, tmp_path):
    work([Clip("z", videos / "ann" / "0.mp4")], tmp_path / "w")
    clips = find_clips([videos])
    clips[-1] = replace(clips[-1], id="z")
    with pytest.raises(UsageError, match=r"another video called 'z'.*\(--manifest\)\.$"):
        work(clips, tmp_path / "w")
    assert list(rows(tmp_path / "w")) == ["z"]
