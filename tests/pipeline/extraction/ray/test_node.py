"""An actor's work, without Ray around it."""

import os
import pickle
import platform
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from mraf.data.clips.clip import Clip
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors import weights
from mraf.extractors.encoders import EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction.ray.node import (
    COLUMN,
    Answer,
    ClipWorker,
    Task,
    at_hand,
    can_read,
    probe,
    turns_at_hand,
)
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.turns import made_turns
from tests.pipeline.extraction.turns.made_turns import write

PAIR, OPTIONS = quick_extract.ENCODERS, ExtractOptions()
FINGERPRINT = OPTIONS.fingerprint(PAIR)


def broken(*_):
    raise MissingError("no weights")


@pytest.fixture
def clips(tmp_path):
    """Three that the quick encoders read, one that kills its worker, one that is gone."""
    texts = {"a": "a", "b": "b", "c": "c", "d": "deadly"}
    for name, text in texts.items():
        (tmp_path / f"{name}.mp4").write_text(text)
    return [Clip(name, tmp_path / f"{name}.mp4", speaker="ann") for name in (*texts, "gone")]


@pytest.fixture
def task(tmp_path):
    return Task(
        encoders=PAIR,
        options=OPTIONS,
        fingerprint=FINGERPRINT,
        root=tmp_path,
        setup=quick_extract.setup,
    )


@pytest.fixture
def ask():
    """Gives an actor a block of clips."""
    made = []

    def asked(worker, clips) -> Answer:
        made.append(worker)
        answer = worker(pa.table({COLUMN: [pickle.dumps(clips)]}))
        return pickle.loads(answer[COLUMN][0].as_py())

    yield asked
    for worker in made:
        if worker._pool:
            worker._pool.close()


def test_every_clip_of_a_block_is_answered(task, clips, ask):
    known = np.sort(np.array([bytes.fromhex(clips[1].content_hash()), b"x" * 16], "S16"))
    worker = ClipWorker(replace(task, known=known))
    answer = ask(worker, clips)
    known_as = {clip: digest for clip, digest, found in answer.results if found is None}
    rows = {clip: row for clip, _, found in answer.results for row in found or ()}
    assert answer.fatal is None and sorted(rows) == ["a", "c", "d", "gone"]
    assert known_as == {"b": clips[1].content_hash()}
    assert all(row.clip == clip for clip, row in rows.items())
    assert np.array_equal(rows["a"].face, quick_extract.vectors_of(b"a")[0])
    assert (rows["a"].source_hash, rows["a"].extractor) == (
        clips[0].content_hash(),
        FINGERPRINT.to_json(),
    )
    assert "crashed (SIGSEGV)" in rows["d"].error and rows["d"].source_hash
    assert "gone.mp4 cannot be read" in rows["gone"].error and not rows["gone"].source_hash
    assert [each[0] for each in ask(worker, clips[:1]).results] == ["a"]  # and it goes on


def test_a_file_is_cut_into_turns_on_a_node(task, tmp_path, ask):
    write(tmp_path / "talk.mp4", (0, 20, "ann"), (20, 25, "bob"))
    worker = ClipWorker(replace(task, setup=made_turns.setup_worker, turns=made_turns.CUT))
    answer = ask(worker, [Clip("talk", tmp_path / "talk.mp4")])
    ((clip, digest, rows),) = answer.results
    assert clip == "talk" and [row.clip for row in rows] == ["talk#0-20", "talk#20-25"]
    assert {row.turn_of for row in rows} == {digest} and rows[0].source_hash != digest


def test_a_node_keeps_no_observations_and_gets_weights_from_the_store(task, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    turns = replace(
        made_turns.CUT,
        networks={"segmentation": tmp_path / "elsewhere" / "s.pt"},
        sums={"segmentation": "ab" * 32},
        workspace=tmp_path / "w",
    )
    task = replace(task, turns=turns, weights={"ab" * 32: b"content"})
    found = turns_at_hand(task)
    assert found.workspace is None and found.networks["segmentation"].read_bytes() == b"content"
    assert turns_at_hand(replace(task, turns=None)) is None
    (tmp_path / "cache" / found.networks["segmentation"].name).unlink()
    said = probe(replace(task, weights={}), [])
    assert "lacks the weights of 'segmentation'" in str(said)


def test_what_is_known_starts_no_encoders(task, clips, ask):
    known = np.array([bytes.fromhex(clips[0].content_hash())], "S16")
    worker = ClipWorker(replace(task, known=known, setup=broken))
    assert [found for _, _, found in ask(worker, clips[:1]).results] == [None]


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"setup": broken}, MissingError, "no weights"),
        ({"version": "0.0.1"}, UsageError, r"has mraf .*, the run was started with 0\.0\.1"),
        (
            {"fingerprint": replace(FINGERPRINT, face_weights="9")},
            UsageError,
            "has .*, the run was started with face=dlib@9 ",
        ),
        ({"root": "gone"}, UsageError, "does not see the folder .*gone"),
    ],
)
def test_what_concerns_every_clip_is_said_once_with_the_node(
    task, clips, ask, tmp_path, change, kind, said
):
    change = {name: tmp_path / value if name == "root" else value for name, value in change.items()}
    fatal = ask(ClipWorker(replace(task, **change)), clips[:2]).fatal
    assert isinstance(fatal, kind)
    with pytest.raises(kind, match=f"node {platform.node()}: {said}"):
        raise fatal


def test_a_node_that_lacks_a_few_files_is_found_before_work_starts(task, clips):
    assert probe(task, clips[:4]) is None
    problem = probe(task, clips)
    assert isinstance(problem, UsageError) and "cannot read" in str(problem)
    assert "gone.mp4" in str(problem)


def test_weights_come_from_the_store_where_a_node_lacks_them(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    spec = EncoderSpec(
        name="facenet", weights=tmp_path / "elsewhere" / "facenet.pt", sha256="ab" * 32
    )
    found = at_hand(spec, {spec.sha256: b"content"})
    assert found.weights.read_bytes() == b"content" and found.sha256 == spec.sha256
    assert found.weights.parent == tmp_path / "cache"
    assert at_hand(spec, {}) == found  # they are kept
    assert len(list((tmp_path / "cache").iterdir())) == 1
    here = EncoderSpec(name="facenet", weights=found.weights, sha256="cd" * 32)
    assert at_hand(here, {}) is here
    assert at_hand(EncoderSpec(name="dlib"), {}) == EncoderSpec(name="dlib")


def test_weights_that_are_nowhere_are_missed_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    with pytest.raises(MissingError, match="lacks the weights of 'facenet'"):
        at_hand(EncoderSpec(name="facenet", weights=tmp_path / "gone.pt", sha256="ab" * 32), {})


def test_what_came_before_a_fault_is_kept(task, clips, ask, monkeypatch):
    def one_and_no_more(self, batches):
        yield next(batches).jobs[0], MissingError("as if it were a row")
        raise MrafError("3 workers ended")

    monkeypatch.setattr("mraf.pipeline.extraction.processes.Pool.run", one_and_no_more)
    answer = ask(ClipWorker(task), clips[:3])
    assert [each[0] for each in answer.results] == ["a"] and "3 workers ended" in str(answer.fatal)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_taken_from_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    spec = EncoderSpec(name="facenet", weights=closed / "facenet.pt", sha256="ab" * 32)
    assert at_hand(spec, {spec.sha256: b"content"}).weights.parent == tmp_path / "cache"


def test_why_a_file_cannot_be_read(tmp_path):
    (tmp_path / "a").write_text("")
    assert can_read(tmp_path / "a") is None
    assert can_read(tmp_path) == can_read(tmp_path / "b") == "no such file"
    assert can_read(tmp_path / ("x" * 300)) == "File name too long"
