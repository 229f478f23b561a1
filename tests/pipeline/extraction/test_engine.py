"""Engines: maps from jobs to rows, which `extract_clips` writes."""

import numpy as np
import pytest

from mraf.data.clips.folders import find_clips
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.extraction.hashing import Job, hash_clip
from mraf.pipeline.extraction.reuse import path_of
from tests.pipeline.extraction import quick_extract


class Engine:
    """Gives every clip the same vectors; breaks after `lasts` rows."""

    def __init__(self, hashes=False, lasts=99):
        self.hashes, self.lasts = hashes, lasts
        self.jobs, self.is_closed = [], False

    def __call__(self, jobs, *, encoders, options, known):
        self.jobs = jobs
        fingerprint = options.fingerprint(encoders).to_json()
        try:
            for number, job in enumerate(jobs):
                job = hash_clip(job.clip) if self.hashes else job
                if bytes.fromhex(job.digest) in known.tolist():
                    yield job
                    continue
                if number == self.lasts:
                    raise RuntimeError("surprise")
                yield FeatureRow(
                    clip=job.clip.id,
                    path=path_of(job.clip),
                    source_hash=job.digest,
                    extractor=fingerprint,
                    speaker=job.clip.speaker,
                    face=np.ones(3, np.float32),
                    voice=np.ones(2, np.float32),
                )
        finally:
            self.is_closed = True


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "videos" / "ann"
    folder.mkdir(parents=True)
    for number in range(4):
        (folder / f"{number}.mp4").write_text(str(number))
    return folder


def run(videos, workspace, **options):
    engine = Engine(**options)
    report = extract_clips(
        find_clips([videos.parent]),
        workspace=workspace,
        encoders=quick_extract.ENCODERS,
        engine=engine,
    )
    return report, engine


@pytest.mark.parametrize("hashes", [False, True])
def test_clips_at_hand_are_moved_and_the_rest_are_jobs(videos, tmp_path, hashes):
    assert run(videos, tmp_path / "w", hashes=hashes)[0].embedded == 4
    (videos / "0.mp4").rename(videos / "moved.mp4")
    (videos / "1.mp4").write_text("changed")
    (videos / "2.mp4").unlink()
    report, engine = run(videos, tmp_path / "w", hashes=hashes)
    assert (report.clips, report.reused, report.embedded) == (3, 2, 1)
    assert report.renamed == (("ann/0.mp4", "ann/moved.mp4"),)
    assert [job.clip.id for job in engine.jobs if job.digest or hashes] == (
        ["ann/1.mp4", "ann/3.mp4", "ann/moved.mp4"] if hashes else ["ann/1.mp4"]
    )
    rows = {row.clip: row for row in FeatureTable(tmp_path / "w" / "features").rows()}
    assert sorted(rows) == ["ann/1.mp4", "ann/2.mp4", "ann/3.mp4", "ann/moved.mp4"]
    clips = find_clips([videos.parent])
    assert [rows[clip.id].source_hash for clip in clips] == [c.content_hash() for c in clips]
    assert all(isinstance(job, Job) for job in engine.jobs)


def test_rows_that_came_before_a_fault_stay_and_the_engine_is_closed(videos, tmp_path):
    engine = Engine(lasts=2)
    clips = find_clips([videos.parent])
    with pytest.raises(RuntimeError, match="surprise"):
        extract_clips(
            clips, workspace=tmp_path / "w", encoders=quick_extract.ENCODERS, engine=engine
        )
    assert engine.is_closed and len(FeatureTable(tmp_path / "w" / "features")) == 2

    def stop(progress):
        if progress.done == 3:
            raise KeyboardInterrupt

    engine = Engine()
    with pytest.raises(KeyboardInterrupt):
        extract_clips(
            clips,
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            engine=engine,
            on_progress=stop,
        )
    assert engine.is_closed and len(FeatureTable(tmp_path / "w" / "features")) == 3
    assert run(videos, tmp_path / "w")[0].reused == 3


def test_progress_is_reported_while_a_slow_disk_is_read(videos, tmp_path, monkeypatch):
    """Nothing is done then, and each report says how many files have been read."""
    seen = []
    monkeypatch.setattr("mraf.pipeline.extraction.run._PROGRESS_SECONDS", 0)
    extract_clips(
        find_clips([videos.parent]),
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        engine=Engine(),
        on_progress=seen.append,
    )
    assert [(each.hashed, each.done) for each in seen] == [
        (1, 0),
        (2, 0),
        (3, 0),
        (4, 0),
        (0, 1),
        (0, 2),
        (0, 3),
        (0, 4),
    ]
