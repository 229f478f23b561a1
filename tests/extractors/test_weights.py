import hashlib
import http.server
import threading
import time

import pytest

from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors import weights

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
        def do_GET(self):
            body = self.server.answers.get(self.path)
            self.server.asked += 1
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"") + self.server.missing_bytes))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.answers, httpd.asked, httpd.missing_bytes = {"/w.pt": CONTENT}, 0, 0
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield httpd
        httpd.shutdown()


def published(server, path="/w.pt", content=CONTENT):
    port = server.server_address[1] if server else 9
    digest = hashlib.sha256(content).hexdigest()
    url = f"http://127.0.0.1:{port}{path}"
    return weights.WeightFile("facenet", "w.pt", url, len(content), digest, "MIT")


def test_fetches_once_with_progress_and_keeps(server, cache):
    steps = []
    file = published(server)
    path = weights.get(file, progress=lambda *step: steps.append(step))
    assert path == cache / "w.pt" and path.read_bytes() == CONTENT
    assert steps[-1] == ("w.pt", len(CONTENT), len(CONTENT)) and len(steps) > 1
    assert weights.get(file) == path
    assert server.asked == 1


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
    assert weights.get(file, tmp_path / "given") == tmp_path / "given" / "w.pt"
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
    with pytest.raises(MissingError, match="Fetching it failed"):
        weights.get(published(None), connect_seconds=2)
    with pytest.raises(MissingError, match="--offline"):
        weights.get(published(None), offline=True)


def test_a_server_that_never_answers_is_given_up(cache, monkeypatch):
    started = threading.Event()

    def hang(*args, **kwargs):
        started.set()
        time.sleep(30)

    monkeypatch.setattr(weights.urllib.request, "urlopen", hang)
    before = time.monotonic()
    with pytest.raises(MissingError, match="no answer within"):
        weights.get(published(None), connect_seconds=0.3)
    assert started.is_set() and time.monotonic() - before < 10


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


def test_table_holds_the_published_facts():
    assert {name: file.size for name, file in weights.PUBLISHED.items()} == {
        "facenet": 111_898_327,
        "ecapa": 83_316_686,
    }
    assert all(
        len(file.sha256) == 64 and file.url.startswith("https://")
        for file in weights.PUBLISHED.values()
    )
