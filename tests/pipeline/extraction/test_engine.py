"""Engines: maps from clips to rows, which `extract_clips` writes."""

import numpy as np
import pytest

from mraf.data.clips.folders import find_clips
from mraf.data.table.features import FeatureRow, FeatureTable
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.extraction.hashing import holds
from mraf.pipeline.extraction.known import path_of
from mraf.pipeline.extraction.rows import Result
from tests.pipeline.extraction import quick_extract


class Engine:
    """Gives every clip the same vectors; breaks after `lasts` rows."""

    def __init__(self, lasts=99):
        self.lasts, self.embedded, self.is_closed = lasts, [], False

    def __call__(self, clips, *, encoders, options, known, turns):
        fingerprint = options.fingerprint(encoders).to_json()
        try:
            while some := clips.take(1):
                (clip,), digest = some, some[0].content_hash()
                if holds(known, digest):
                    yield Result(clip, digest, None)
                    continue
                if len(self.embedded) == self.lasts:
                    raise RuntimeError("surprise")
                self.embedded.append(clip.id)
                row = FeatureRow(
                    clip=clip.id,
                    path=path_of(clip),
                    source_hash=digest,
                    extractor=fingerprint,
                    speaker=clip.speaker,
                    face=np.ones(3, np.float32),
                    voice=np.ones(2, np.float32),
                )
                yield Result(clip, digest, [row])
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


def test_clips_at_hand_are_moved_and_the_rest_embedded(videos, tmp_path):
    assert run(videos, tmp_path / "w")[0].embedded == 4
    (videos / "0.mp4").rename(videos / "moved.mp4")
    (videos / "1.mp4").write_text("changed")
    (videos / "2.mp4").unlink()
    report, engine = run(videos, tmp_path / "w")
    assert (report.clips, report.reused, report.embedded) == (3, 2, 1)
    assert report.renamed == (("ann/0.mp4", "ann/moved.mp4"),)
    assert engine.embedded == ["ann/1.mp4"]
    rows = {row.clip: row for row in FeatureTable(tmp_path / "w" / "features").rows()}
    assert sorted(rows) == ["ann/1.mp4", "ann/2.mp4", "ann/3.mp4", "ann/moved.mp4"]
    clips = find_clips([videos.parent])
    assert [rows[clip.id].source_hash for clip in clips] == [c.content_hash() for c in clips]


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
