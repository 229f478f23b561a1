"""Extraction on a real Ray cluster of several nodes, all of them on this machine."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mraf.data.clips.clip import Clip
from mraf.data.clips.folders import find_clips
from mraf.data.table.features import FeatureTable
from mraf.data.table.parts import parts_in
from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction.extract import extract_clips
from mraf.pipeline.extraction.ray import connection
from mraf.pipeline.extraction.ray import engine as module
from mraf.pipeline.extraction.ray.engine import RayEngine, _cpus_of_worker
from mraf.pipeline.extraction.ray.node import Answer, Task
from tests.helpers import seeded
from tests.pipeline.extraction import quick_extract
from tests.pipeline.extraction.test_processes import wait_until

ROOT = Path(__file__).parents[4]


def slow(test):
    """Mark a test that needs a cluster; one that Ray has lost answers no more."""
    return pytest.mark.timeout(300)(pytest.mark.slow(test))


@pytest.fixture(scope="module")
def environment():
    """Ray's own files in a folder with a short name (its sockets need one), and paths of the tests."""
    folder = tempfile.mkdtemp(prefix="mraf-ray-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", folder)
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("QUICK_LOG", f"{folder}/log")
        patch.setenv("QUICK_HOLD", f"{folder}/hold")
        patch.setattr(quick_extract, "HOLD", Path(folder, "hold"))
        patch.setattr(quick_extract, "LOG", Path(folder, "log"))
        patch.delenv("RAY_ADDRESS", raising=False)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *filter(None, sys.path)]))
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def nodes(environment):
    """A cluster of three nodes, one core each; a killed one is noticed within seconds.

    Connections to a killed node are refused at once. A node that only answers late, on a machine that
    does other work too, stays: Ray ends the process that uses a cluster whose head it takes for dead.
    """
    connection.import_ray()
    from ray._private import services
    from ray.cluster_utils import Cluster

    found = services.get_node

    def wait_for_node(*args):
        """Ray gives a node 30 s to start, which is too little on a machine that does much else."""
        end = time.monotonic() + 600
        while time.monotonic() < end:
            with suppress(RuntimeError):
                return found(*args)
            time.sleep(0.2)
        return found(*args)

    health = {"period_ms": 500, "timeout_ms": 60000, "initial_delay_ms": 0, "failure_threshold": 5}
    head = {
        "num_cpus": 1,
        "include_dashboard": False,
        "object_store_memory": 80 << 20,
        "_system_config": {f"health_check_{name}": value for name, value in health.items()},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "get_node", wait_for_node)
        cluster = Cluster(initialize_head=True, head_node_args=head)
        for _ in range(2):
            cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
        cluster.wait_for_nodes()
        yield cluster
        cluster.shutdown()


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Makes files for the quick encoders, and gives their clips."""
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", quick_extract.setup)
    monkeypatch.setattr("mraf.extractors.encoders._located", quick_extract.located)

    def make(count, **contents):
        for number in range(count):
            path = tmp_path / "videos" / f"s{number % 3}" / f"{number:03}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(contents.get(f"n{number}", str(number)))
        return find_clips([tmp_path / "videos"])

    return make


def rows_of(workspace):
    """The current rows, all columns, by clip."""
    return {row["clip"]: row for row in FeatureTable(workspace / "features").read().to_pylist()}


def written(workspace):
    """The clips of all rows in the order in which they were written, doubled ones too."""
    parts = parts_in(workspace / "features")
    return [c for part in parts for c in pq.read_table(part, columns=["clip"])["clip"].to_pylist()]


@slow
def test_the_table_is_that_of_the_local_engine(nodes, sample_videos, tmp_path):
    videos = tmp_path / "videos"
    for path in sorted(sample_videos.rglob("*.mp4"))[::4]:
        target = videos / path.relative_to(sample_videos)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    (videos / "person01" / "broken.mp4").write_bytes(b"no video")
    clips = find_clips([videos])
    here = extract_clips(clips, workspace=tmp_path / "here", encoders=seeded.pair(), worker_count=1)
    told = []
    engine = RayEngine(nodes.address, on_start=told.append)
    there = extract_clips(
        clips, workspace=tmp_path / "there", encoders=seeded.pair(), engine=engine
    )
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
    assert (
        extract_clips(
            clips, workspace=tmp_path / "w", encoders=quick_extract.ENCODERS, engine=engine
        ).embedded
        == 12
    )
    first = tmp_path / "videos" / "s0" / "000.mp4"
    first.rename(first.with_name("moved.mp4"))
    clips = quick(14, n0="another")
    report = extract_clips(
        clips, workspace=tmp_path / "w", encoders=quick_extract.ENCODERS, engine=engine
    )
    assert (report.clips, report.reused, report.embedded) == (15, 12, 3)
    assert rows_of(tmp_path / "w").keys() == {clip.id for clip in clips}


@slow
def test_a_clip_that_is_not_there_is_a_row_as_with_the_local_engine(nodes, quick, tmp_path):
    clips = [*quick(2), Clip("gone", tmp_path / "videos" / "gone.mp4")]
    printed = io.StringIO()
    with redirect_stdout(printed):
        report = extract_clips(
            clips,
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            engine=RayEngine(nodes.address),
            on_progress=lambda progress: print(progress.done),
        )
    assert printed.getvalue() == "1\n2\n3\n"
    assert [failure.clip for failure in report.failed] == ["gone"] and report.embedded == 3
    handler, stdout = signal.getsignal(signal.SIGTERM), sys.stdout
    with pytest.raises(MrafError):
        extract_clips(
            clips,
            workspace=tmp_path / "v",
            encoders=quick_extract.ENCODERS,
            engine=RayEngine("127.0.0.1:1"),
        )
    assert (signal.getsignal(signal.SIGTERM), sys.stdout) == (handler, stdout)


@slow
def test_nodes_come_and_go_and_nothing_is_lost_or_doubled(nodes, quick, tmp_path):
    clips, lost = quick(240), nodes.add_node(num_cpus=1, object_store_memory=80 << 20)
    nodes.wait_for_nodes()
    lost_raylet = str(lost.all_processes["raylet"][0].process.pid)
    quick_extract.LOG.unlink(missing_ok=True)
    added, removed = [], []

    def disturb(progress):
        if not removed and progress.done >= 20 and lost_raylet in quick_extract.LOG.read_text():
            nodes.remove_node(lost, allow_graceful=False)
            added.append(nodes.add_node(num_cpus=1, object_store_memory=80 << 20))
            removed.append(progress.done)

    report = extract_clips(
        clips,
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        engine=RayEngine(nodes.address),
        on_progress=disturb,
    )
    assert (report.clips, report.embedded, report.failed) == (240, 240, ())
    assert removed and removed[0] < 200
    new_raylet = str(added[0].all_processes["raylet"][0].process.pid)
    assert new_raylet in quick_extract.LOG.read_text().split()
    assert sorted(written(tmp_path / "w")) == sorted(clip.id for clip in clips)
    rows = rows_of(tmp_path / "w")
    for clip in clips:
        face, voice = quick_extract.vectors_of(clip.video.read_bytes())
        assert rows[clip.id]["face"] == face.tolist() and rows[clip.id]["voice"] == voice.tolist()
    nodes.remove_node(added[0])


@slow
def test_a_clip_that_kills_its_worker_is_a_row_with_the_reason(nodes, quick, tmp_path):
    clips = quick(9, n4="deadly")
    report = extract_clips(
        clips,
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        engine=RayEngine(nodes.address),
    )
    assert [failure.clip for failure in report.failed] == ["s1/004.mp4"]
    assert "crashed (SIGSEGV)" in report.failed[0].error and report.embedded == 9
    again = extract_clips(
        clips,
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        engine=RayEngine(nodes.address),
    )
    assert (again.reused, again.embedded) == (9, 0)  # it is not tried again


@slow
def test_what_ray_gives_up_is_a_row_too_and_tried_again_by_the_next_run(
    nodes, quick, tmp_path, monkeypatch
):
    """One worker does all, so that a clip always waits behind the deadly one: it is not given up too."""
    clips = quick(6, n2="fatal")
    monkeypatch.setattr(
        "mraf.pipeline.extraction.rows.setup_worker", quick_extract.setup_beside_an_actor
    )
    monkeypatch.setattr(module, "TRIES", 1)
    report = extract_clips(
        clips,
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        engine=RayEngine(nodes.address, workers=1),
    )
    assert [failure.clip for failure in report.failed] == ["s2/002.mp4"]
    assert "Ray gave it up" in report.failed[0].error and report.embedded == 6
    monkeypatch.setattr("mraf.pipeline.extraction.rows.setup_worker", quick_extract.setup)
    monkeypatch.setattr("mraf.extractors.encoders._located", quick_extract.located)
    again = extract_clips(
        clips,
        workspace=tmp_path / "w",
        encoders=quick_extract.ENCODERS,
        engine=RayEngine(nodes.address),
    )
    assert (again.reused, again.embedded, again.failed) == (5, 1, ())


@slow
def test_a_node_that_cannot_take_part_is_told_before_work_starts(
    nodes, quick, tmp_path, monkeypatch
):
    clips = quick(3)
    started = []
    engine = RayEngine(nodes.address, on_start=started.append)
    monkeypatch.setattr("mraf.pipeline.extraction.ray.node.__version__", "9.9")
    task = module.Task
    monkeypatch.setattr(module, "Task", lambda *args, **more: task(*args, **more, version="9.9"))
    with pytest.raises(UsageError, match=r"node .*: has mraf .*was started with 9\.9"):
        extract_clips(
            clips, workspace=tmp_path / "w", encoders=quick_extract.ENCODERS, engine=engine
        )
    assert not started
    with pytest.raises(UsageError, match=r"to have 0\.25 GPUs, and no node has so many \(0 in all"):
        extract_clips(
            clips,
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            engine=replace(engine, gpus=0.25),
        )


@slow
def test_a_node_that_joins_late_with_another_version_is_left_out_with_a_line(
    nodes, quick, tmp_path
):
    """Clips that end in 5 are held until the line has been said: the run does not end before."""
    clips, notes, late = quick(60), [], []
    quick_extract.HOLD.touch()
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / "sitecustomize.py").write_text("import mraf\nmraf.__version__ = '9.9'\n")
    path = os.pathsep.join([str(tmp_path / "late"), os.environ["PYTHONPATH"]])

    def join(progress):
        if not late:
            late.append(nodes.add_node(num_cpus=1, env_vars={"PYTHONPATH": path}))

    def note(line):
        notes.append(line)
        if "left out" in line:
            quick_extract.HOLD.unlink()

    try:
        report = extract_clips(
            clips,
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            engine=RayEngine(nodes.address, on_note=note),
            on_progress=join,
        )
    finally:
        quick_extract.HOLD.unlink(missing_ok=True)
        for node in late:
            nodes.remove_node(node)
    assert (report.embedded, report.failed) == (60, ())
    assert sorted(written(tmp_path / "w")) == sorted(clip.id for clip in clips)
    (line,) = [each for each in notes if "room" not in each]
    assert "has mraf 9.9" in line and line.endswith("It is left out.")


@slow
def test_a_full_cluster_is_waited_for_with_a_line(nodes, quick, tmp_path):
    """Another job holds all cores; it ends when the line has been said."""
    ray, notes, held = connection.import_ray(), [], []

    def note(line):
        notes.append(line)
        while held:
            ray.kill(held.pop())

    with connection.connected(ray, nodes.address):

        @ray.remote(num_cpus=1)
        class Holder:
            def is_here(self):
                return True

        cores = int(ray.cluster_resources()["CPU"])
        held += [Holder.remote() for _ in range(cores)]
        ray.get([each.is_here.remote() for each in held])
        report = extract_clips(
            quick(3),
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            engine=RayEngine(nodes.address, on_note=note),
        )
    assert report.embedded == 3
    assert notes[0] == f"Ray: waiting for room: 0 of {cores} cores free"
    assert len(notes) == len(set(notes))


@slow
def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(environment, quick, tmp_path):
    """With a cluster that the command itself starts, and so has to end."""
    clips = quick(60)
    command = [sys.executable, quick_extract.__file__, "extract", tmp_path / "videos"]
    command += ["-w", tmp_path / "w", "--engine", "ray", "--address", "local"]
    command += [*quick_extract.CHOSEN, "--json"]
    run = subprocess.Popen(
        [str(each) for each in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    parts = tmp_path / "w" / "features"
    wait_until(lambda: list(parts.glob("part-*.parquet")) or run.poll() is not None)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does
    _, err = run.communicate(timeout=600)
    assert run.returncode == 130, err
    assert "the same command goes on from there" in err
    assert err.count("\n") == 2, err  # the cluster, and that
    kept = len(rows_of(tmp_path / "w"))
    assert 0 < kept < 60
    report = extract_clips(
        clips, workspace=tmp_path / "w", encoders=quick_extract.ENCODERS, worker_count=2
    )
    assert (report.reused, report.embedded) == (kept, 60 - kept)


def test_without_ray_the_command_says_how_to_get_it(mraf, quick, tmp_path, monkeypatch):
    quick(1)
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ["extract", tmp_path / "videos", "--engine", "ray", *quick_extract.CHOSEN]
    code, out, err = mraf(*command)
    assert code == 3 and "new" not in out and "pip install 'mraf[ray]'" in err


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
    found, out, err = mraf(*command, *quick_extract.CHOSEN)
    assert found == code and "new" not in out and said in err and len(err.splitlines()) == 1


def test_no_cluster_to_join(mraf, quick, tmp_path, monkeypatch):
    """As Ray says it; it is not asked, since there may be one on the machine of whoever runs this."""

    def init(address, **_):
        assert address == "auto"
        raise ConnectionError("Could not find any running Ray instance.")

    quick(1)
    connection.import_ray()
    monkeypatch.setattr("ray.init", init)
    command = ["extract", tmp_path / "videos", "--engine", "ray", "--address", "auto"]
    code, out, err = mraf(*command, *quick_extract.CHOSEN)
    assert code == 3 and "new" not in out and "no Ray cluster here to join" in err
    assert "leave --address out" in err and len(err.splitlines()) == 1


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
    error = connection._cannot_join("10.0.0.1:6379", RuntimeError(text))
    assert isinstance(error, UsageError) and "\n" not in str(error)
    assert "Python: 3.12.1" in str(error) and "same ones on all nodes" in str(error)
    assert isinstance(connection._cannot_join("x:1", ValueError("odd")), MrafError)
    error = connection._cannot_join(
        "x:1", RuntimeError("No node info found matching attributes: ''")
    )
    assert "not part of that cluster" in str(error)


def test_a_cluster_that_the_environment_names_is_not_passed_over(quick, tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    for address in (None, "auto"):
        with pytest.raises(MissingError, match="127.0.0.1:1: no Ray cluster answers there"):
            extract_clips(
                quick(1),
                workspace=tmp_path / "w",
                encoders=quick_extract.ENCODERS,
                engine=RayEngine(address),
            )


class FakeRay:
    """The nodes of a cluster."""

    def __init__(self, *names):
        self.names = names

    def nodes(self):
        return [{"NodeID": n, "Alive": True, "Resources": {"CPU": 1}} for n in self.names]


@pytest.fixture
def results(quick, tmp_path, monkeypatch):
    """Runs an engine whose actors answer as they are told."""

    def run(answers, *names, notes=None):
        monkeypatch.setattr(RayEngine, "_answers", answers)
        monkeypatch.setattr(module, "BLOCKS_A_WORKER", 1)
        options = ExtractOptions()
        task = Task(
            encoders=quick_extract.ENCODERS,
            options=options,
            fingerprint=options.fingerprint(quick_extract.ENCODERS),
            root=tmp_path,
        )
        cluster = connection.Cluster(
            address="a:1", is_own=False, nodes=1, cpus=1, gpus=0, dashboard=None
        )
        engine = RayEngine(on_note=(notes if notes is not None else []).append)
        return list(engine._results(FakeRay(*names), quick(4), task, cluster))

    return run


def test_a_node_without_memory_is_passed_over_and_its_clips_tried_again_once(results):
    asked = []

    def answers(self, task, slots, some, size, left_out, *, is_last):
        asked.append((size, is_last))
        yield Answer(fatal=MrafError("node a: 3 workers ended before they had begun"), node="a")

    with pytest.raises(MrafError, match="3 workers"):
        results(answers, "a", "b")
    assert asked == [(4, False), (1, True)]


def test_nodes_where_nothing_works_are_left_out_until_none_is_left(results):
    asked, notes = [], []

    def answers(self, task, slots, some, size, left_out, **_):
        asked.append(sorted(left_out))
        bad = next((name for name in "ab" if name not in left_out), None)
        if bad:
            fatal = UsageError(f"node {bad}: has mraf 9.9.")
            yield Answer(results=((some[0].id, "00", None),), fatal=fatal, node=bad)
            pytest.fail("went on with a node that cannot take part")
        yield Answer(results=tuple((clip.id, "00", None) for clip in some))

    found = results(answers, "a", "b", "c", notes=notes)
    assert len(found) == len({each.clip.id for each in found}) == 4
    assert asked == [[], ["a"], ["a", "b"]]
    assert notes == [f"node {name}: has mraf 9.9. It is left out." for name in "ab"]
    asked.clear()
    with pytest.raises(UsageError, match=r"node b: has mraf 9\.9\.$"):
        results(answers, "a", "b")


def test_paths_do_not_depend_on_the_current_folder():
    clip = module._absolute(Clip("a", audio=Path("x.wav"), image=Path("/y.png")))
    assert (clip.audio, clip.image, clip.video) == (Path.cwd() / "x.wav", Path("/y.png"), None)
    assert module._absolute(clip) is clip


@pytest.mark.parametrize(("count", "some"), [(1, [0]), (3, [0, 1, 2]), (80, range(0, 80, 10))])
def test_nodes_are_asked_for_clips_from_all_over_that_are_there(quick, count, some):
    clips = quick(count)
    assert module._some(clips) == [clips[i] for i in some]
    clips[0].video.unlink()
    assert module._some(clips) == [clips[i] for i in some if i]


def test_no_clips_need_no_cluster(tmp_path):
    assert (
        extract_clips(
            [],
            workspace=tmp_path / "w",
            encoders=quick_extract.ENCODERS,
            engine=RayEngine("nowhere:1"),
        ).clips
        == 0
    )
    with pytest.raises(MissingError):
        connection._check_answers("127.0.0.1:1")
