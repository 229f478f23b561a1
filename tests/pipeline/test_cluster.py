"""Extraction on a real Ray cluster of several nodes, all of them on this machine."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.features import FeatureTable
from data.manifest import Clip, find_clips
from extractors.encoders import EncoderPair, EncoderSpec
from mraf.errors import MissingError, MrafError, UsageError
from pipeline import cluster as module
from pipeline.cluster import RayEngine, _cpus_of_worker
from pipeline.extract import extract
from tests.pipeline import quick_extract

PACKAGED = EncoderPair(EncoderSpec("dlib"), EncoderSpec("ge2e"))
ROOT = Path(__file__).parents[2]
slow = pytest.mark.slow


@pytest.fixture(scope="module")
def environment():
    """Ray's own files in a folder with a short name (its sockets need one), and paths of the tests."""
    folder = tempfile.mkdtemp(prefix="mraf-ray-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", folder)
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, sys.path)]))
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def nodes(environment):
    """A cluster of three nodes, one core each; a lost one is noticed within seconds."""
    module._import_ray()
    from ray.cluster_utils import Cluster

    health = {"period_ms": 500, "timeout_ms": 500, "initial_delay_ms": 0, "failure_threshold": 3}
    head = {
        "num_cpus": 1,
        "include_dashboard": False,
        "object_store_memory": 200 << 20,
        "_system_config": {f"health_check_{name}": value for name, value in health.items()},
    }
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        cluster.add_node(num_cpus=1, object_store_memory=200 << 20)
    cluster.wait_for_nodes()
    yield cluster
    cluster.shutdown()


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Makes files for the quick encoders, and gives their clips."""
    monkeypatch.setattr("pipeline.embedding.setup_worker", quick_extract.setup)

    def make(count, **contents):
        for number in range(count):
            path = tmp_path / "videos" / f"s{number % 3}" / f"{number:03}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(contents.get(f"n{number}", str(number)))
        return find_clips([tmp_path / "videos"])

    return make


def rows_of(workspace):
    """The stored rows, all columns, by clip; each clip once."""
    rows = FeatureTable(workspace / "features").read().to_pylist()
    assert len({row["clip"] for row in rows}) == len(rows)
    return {row["clip"]: row for row in rows}


@slow
def test_the_table_is_that_of_the_local_engine(nodes, sample_videos, tmp_path):
    videos = tmp_path / "videos"
    for path in sorted(sample_videos.rglob("*.mp4"))[::4]:
        target = videos / path.relative_to(sample_videos)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (videos / "person01" / "broken.mp4").write_bytes(b"no video")
    clips = find_clips([videos])
    here = extract(clips, tmp_path / "here", PACKAGED, worker_count=1)
    told = []
    engine = RayEngine(nodes.address, on_start=told.append)
    there = extract(clips, tmp_path / "there", PACKAGED, engine=engine)
    assert (told[0].nodes, told[0].cpus, told[0].is_own) == (3, 3, False)
    assert replace(here, seconds=0) == replace(there, seconds=0)
    assert len(there.failed) == 1
    expected, found = rows_of(tmp_path / "here"), rows_of(tmp_path / "there")
    assert expected.keys() == found.keys()
    for clip, row in expected.items():
        for name in ("face", "voice"):
            one, other = row.pop(name), found[clip].pop(name)
            assert (one is None) == (other is None)
            assert one is None or np.allclose(one, other, atol=1e-5)
        assert {
            k: pytest.approx(v, abs=1e-5) if isinstance(v, float) else v for k, v in row.items()
        } == found[clip]


@slow
def test_a_second_run_reuses_what_is_there_and_finds_what_was_renamed(nodes, quick, tmp_path):
    clips, engine = quick(12), RayEngine(nodes.address)
    assert extract(clips, tmp_path / "w", PACKAGED, engine=engine).embedded == 12
    first = tmp_path / "videos" / "s0" / "000.mp4"
    first.rename(first.with_name("moved.mp4"))
    clips = quick(14, n0="another")
    report = extract(clips, tmp_path / "w", PACKAGED, engine=engine)
    assert (report.clips, report.reused, report.embedded) == (15, 12, 3)
    assert rows_of(tmp_path / "w").keys() == {clip.id for clip in clips}


@slow
def test_nodes_come_and_go_and_nothing_is_lost_or_doubled(nodes, quick, tmp_path):
    clips, lost = quick(150), nodes.add_node(num_cpus=1, object_store_memory=200 << 20)
    nodes.wait_for_nodes()

    def disturb(progress):
        if progress.done == 20:
            nodes.remove_node(lost, allow_graceful=False)
        if progress.done == 60:
            added.append(nodes.add_node(num_cpus=1, object_store_memory=200 << 20))

    added = []
    report = extract(
        clips, tmp_path / "w", PACKAGED, engine=RayEngine(nodes.address), on_progress=disturb
    )
    assert (report.clips, report.embedded, report.failed) == (150, 150, ())
    rows = rows_of(tmp_path / "w")
    assert rows.keys() == {clip.id for clip in clips}
    for clip in clips:
        face, voice = quick_extract.vectors_of(clip.video.read_bytes())
        assert rows[clip.id]["face"] == face.tolist() and rows[clip.id]["voice"] == voice.tolist()
    nodes.remove_node(added[0])


@slow
def test_a_clip_that_kills_its_worker_is_a_row_with_the_reason(nodes, quick, tmp_path):
    clips = quick(9, n4="deadly")
    report = extract(clips, tmp_path / "w", PACKAGED, engine=RayEngine(nodes.address))
    assert [failure.clip for failure in report.failed] == ["s1/004.mp4"]
    assert "crashed (SIGSEGV)" in report.failed[0].error and report.embedded == 9
    again = extract(clips, tmp_path / "w", PACKAGED, engine=RayEngine(nodes.address))
    assert (again.reused, again.embedded) == (9, 0)  # it is not tried again


@slow
def test_what_ray_gives_up_is_a_row_too_and_tried_again_by_the_next_run(
    nodes, quick, tmp_path, monkeypatch
):
    clips = quick(6, n2="fatal")
    monkeypatch.setattr("pipeline.embedding.setup_worker", quick_extract.setup_beside_an_actor)
    monkeypatch.setattr(module, "TRIES", 1)
    report = extract(clips, tmp_path / "w", PACKAGED, engine=RayEngine(nodes.address))
    assert [failure.clip for failure in report.failed] == ["s2/002.mp4"]
    assert "Ray gave it up" in report.failed[0].error and report.embedded == 6
    monkeypatch.setattr("pipeline.embedding.setup_worker", quick_extract.setup)
    again = extract(clips, tmp_path / "w", PACKAGED, engine=RayEngine(nodes.address))
    assert (again.reused, again.embedded, again.failed) == (5, 1, ())


@slow
def test_a_node_that_cannot_take_part_is_told_before_work_starts(
    nodes, quick, tmp_path, monkeypatch
):
    clips = quick(3)
    started = []
    engine = RayEngine(nodes.address, on_start=started.append)
    monkeypatch.setattr("pipeline.cluster_worker.__version__", "9.9")
    task = module.Task
    monkeypatch.setattr(module, "Task", lambda *args, **more: task(*args, **more, version="9.9"))
    with pytest.raises(UsageError, match=r"node .*: has mraf .*was started with 9\.9"):
        extract(clips, tmp_path / "w", PACKAGED, engine=engine)
    assert not started
    with pytest.raises(UsageError, match="the cluster has 0 GPUs"):
        extract(clips, tmp_path / "w", PACKAGED, engine=replace(engine, gpus=0.25))


@slow
def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(environment, quick, tmp_path):
    """With a cluster that the command itself starts, and so has to end."""
    clips = quick(60)
    command = [sys.executable, quick_extract.__file__, "extract", tmp_path / "videos"]
    command += ["-w", tmp_path / "w", "--engine", "ray", "--address", "local"]
    command += ["--face", "dlib", "--voice", "ge2e", "--json"]
    run = subprocess.Popen(
        [str(each) for each in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    parts = tmp_path / "w" / "features"
    end = time.monotonic() + 90
    while not list(parts.glob("part-*")) and run.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    _, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "the same command goes on from there" in err
    assert err.count("\n") == 2, err  # the cluster, and that
    kept = len(rows_of(tmp_path / "w"))
    assert 0 < kept < 60
    report = extract(clips, tmp_path / "w", PACKAGED, worker_count=2)
    assert (report.reused, report.embedded) == (kept, 60 - kept)


def test_without_ray_the_command_says_how_to_get_it(mraf, quick, tmp_path, monkeypatch):
    quick(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    code, out, err = mraf("extract", tmp_path / "videos", "--engine", "ray")
    assert (code, out) == (3, "") and "pip install 'mraf[ray]'" in err


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("127.0.0.1:1", 3, "no Ray cluster answers there (Connection refused)"),
        ("no.such.host.invalid:6379", 3, "no Ray cluster answers there"),
        ("ray://127.0.0.1:10001", 2, "expected HOST:PORT"),
        ("6379", 2, "expected HOST:PORT"),
        ("localhost:port", 2, "expected HOST:PORT"),
    ],
)
def test_an_address_where_no_cluster_is(mraf, quick, tmp_path, address, code, said):
    quick(1)
    command = ["extract", tmp_path / "videos", "--engine", "ray", "--address", address]
    found, out, err = mraf(*command, "--face", "dlib", "--voice", "ge2e")
    assert (found, out) == (code, "") and said in err and len(err.splitlines()) == 1


def test_no_cluster_to_join(mraf, quick, tmp_path, monkeypatch):
    """As Ray says it; it is not asked, since there may be one on the machine of whoever runs this."""

    def init(address, **_):
        assert address == "auto"
        raise ConnectionError("Could not find any running Ray instance.")

    quick(1)
    module._import_ray()
    monkeypatch.setattr("ray.init", init)
    command = ["extract", tmp_path / "videos", "--engine", "ray", "--address", "auto"]
    code, out, err = mraf(*command, "--face", "dlib", "--voice", "ge2e")
    assert (code, out) == (3, "") and "no Ray cluster here to join" in err
    assert "leave --address out" in err and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--engine", "rai"], "Did you mean 'ray'?"),
        (["--address", "auto"], "--address belongs to --engine ray"),
        (["--gpus-per-worker", "1"], "--gpus-per-worker belongs to --engine ray"),
        (["--engine", "ray", "--workers", "0"], "--workers 0"),
        (["--engine", "ray", "--device", "cuda"], "--gpus-per-worker 0.25"),
        (["--engine", "ray", "--device", "cpu", "--gpus-per-worker", "1"], "exclude each other"),
        (["--workers", "300"], "at most 256"),
    ],
)
def test_options_that_do_not_go_together(mraf, quick, tmp_path, options, said):
    quick(1)
    code, out, err = mraf("extract", tmp_path / "videos", *options)
    assert (code, out) == (2, "") and said in err


def test_an_actor_that_shares_a_gpu_has_the_cores_that_fall_to_it():
    def node(cpus, gpus, alive=True):
        return {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus} if gpus else {"CPU": cpus}}

    assert _cpus_of_worker([node(64.0, 0)], 0.0) == 1
    assert _cpus_of_worker([node(64.0, 4.0), node(8.0, 0)], 0.25) == 4
    assert _cpus_of_worker([node(64.0, 4.0), node(8.0, 1.0)], 0.25) == 2
    assert _cpus_of_worker([node(64.0, 4.0), node(1.0, 1.0, alive=False)], 1.0) == 16
    assert _cpus_of_worker([node(2.0, 4.0)], 0.25) == 1


def test_a_cluster_of_other_versions_is_named(monkeypatch):
    text = "Version mismatch: The cluster was started with:\n  Ray: 2.50\n  Python: 3.12.1\nThis is 2.60"
    error = module._mismatch("10.0.0.1:6379", RuntimeError(text))
    assert isinstance(error, UsageError) and "\n" not in str(error)
    assert "Python: 3.12.1" in str(error) and "same ones on all nodes" in str(error)
    assert isinstance(module._mismatch("x:1", ValueError("odd")), MrafError)


def test_paths_do_not_depend_on_the_current_folder():
    clip = module._absolute(Clip("a", audio=Path("x.wav"), image=Path("/y.png")))
    assert (clip.audio, clip.image, clip.video) == (Path.cwd() / "x.wav", Path("/y.png"), None)
    assert module._absolute(clip) is clip


@pytest.mark.parametrize(
    ("count", "some"), [(1, [0]), (3, [0, 1, 2]), (80, list(range(0, 80, 10)))]
)
def test_nodes_are_asked_for_clips_from_all_over(count, some):
    assert module._some(range(count)) == some


def test_no_clips_need_no_cluster(tmp_path):
    assert extract([], tmp_path / "w", PACKAGED, engine=RayEngine("nowhere:1")).clips == 0
    with pytest.raises(MissingError):
        module._knock("127.0.0.1:1")
