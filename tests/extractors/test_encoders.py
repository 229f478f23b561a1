import io
import pickle

import pytest
import torch

from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors import encoders, weights
from mraf.extractors.encoders import FACE, VOICE, EncoderSpec, build, choose
from mraf.fingerprint import Fingerprint
from tests.helpers import seeded


@pytest.fixture(autouse=True)
def no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    asked = []

    def refuse(url, **_):
        asked.append(url)
        raise OSError("no network in tests")

    monkeypatch.setattr("requests.head", refuse)
    return asked


def test_auto_falls_back_to_the_packaged_encoders_and_says_so(no_network):
    pair = choose()
    assert (pair.face.name, pair.voice.name) == ("dlib", "ge2e")
    assert "FaceNet and ECAPA-TDNN" in pair.note and "dlib and GE2E" in pair.note
    assert len(no_network) == 2


def test_auto_takes_published_weights_that_are_here(tmp_path, monkeypatch, no_network):
    monkeypatch.setattr(weights, "verify", lambda path, sha256: None)
    (tmp_path / weights.PUBLISHED["ecapa"].filename).write_bytes(b"-")
    pair = choose(weights_dir=tmp_path)
    assert (pair.face.name, pair.voice.name) == ("dlib", "ecapa")
    assert pair.note.startswith("The weights of FaceNet are not here")
    assert pair.fingerprint.encoders.endswith("voice=ecapa@0575cb64845e")


def test_auto_keeps_to_what_is_known_without_asking_anyone(no_network):
    known = Fingerprint(face="dlib", face_weights="0.1.0", voice="ge2e", voice_weights="0.1.4")
    pair = choose(known=known)
    assert (pair.face.name, pair.voice.name, pair.note) == ("dlib", "ge2e", None)
    assert no_network == []


def test_offline_never_asks(no_network):
    assert choose(offline=True).face.name == "dlib"
    with pytest.raises(MissingError, match="--offline"):
        choose(face="facenet", offline=True)
    assert no_network == []


def test_a_named_encoder_is_not_replaced():
    with pytest.raises(MissingError, match="mraf weights get ecapa"):
        choose(voice="ecapa")


@pytest.mark.parametrize(
    ("face", "voice"), [("facenett", "auto"), ("auto", "ecappa"), ("ge2e", "auto")]
)
def test_unknown_names_are_refused(face, voice):
    with pytest.raises(UsageError, match="There is no (face|voice) encoder"):
        choose(face=face, voice=voice)


def test_dimensions_of_the_tables_are_those_of_the_encoders():
    for name, row in (FACE | VOICE).items():
        assert (row.build.name, row.build.dim) == (name, row.dim)


def seeded_facenet_file(path):
    torch.save(seeded.facenet_state(), path)
    return EncoderSpec(name="facenet", weights=path, sha256=weights.sha256_of(path))


def test_own_weights_are_built_and_have_an_identity_of_their_own(tmp_path):
    spec = seeded_facenet_file(tmp_path / "seeded.pt")
    assert spec.version == spec.sha256[:12]
    assert pickle.loads(pickle.dumps(spec)) == spec  # it travels to the workers
    assert build(spec).dim == 512


def test_weights_that_changed_or_went_or_are_of_another_network_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MRAF_GRAPHS", str(tmp_path / "none converted"))
    spec = seeded_facenet_file(tmp_path / "seeded.pt")
    with pytest.raises(MrafError, match=r"seeded\.pt: not weights of 'ecapa'"):
        build(EncoderSpec(name="ecapa", weights=spec.weights, sha256=spec.sha256))
    with spec.weights.open("r+b") as file:
        file.seek(1000)
        file.write(b"bit rot")
    with pytest.raises(MrafError, match="not the published weights"):
        build(spec)
    spec.weights.unlink()
    with pytest.raises(MissingError):
        build(spec)


@pytest.mark.parametrize("content", [torch.zeros(3), {1: torch.zeros(3)}], ids=["tensor", "number"])
def test_a_file_without_named_tensors_is_refused(tmp_path, content):
    path = tmp_path / "odd.pt"
    torch.save(content, path)
    with pytest.raises(MrafError, match=r"odd\.pt: not a file of weights \(it holds no tensors"):
        build(EncoderSpec(name="facenet", weights=path, sha256=weights.sha256_of(path)))


def test_what_else_fails_is_not_blamed_on_the_weights(tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("Exception from src/core:\nno memory")

    spec = seeded_facenet_file(tmp_path / "seeded.pt")
    build(spec)
    monkeypatch.setattr("mraf.extractors.openvino.OpenVinoNetwork.__init__", fail)
    with pytest.raises(
        MrafError, match=r"'facenet' cannot be set up .* src/core.*doctor"
    ) as raised:
        build(spec)
    assert "seeded.pt" not in str(raised.value)


def test_a_converted_network_needs_its_weights_no_more(tmp_path):
    spec = seeded_facenet_file(tmp_path / "seeded.pt")
    build(spec)
    spec.weights.unlink()
    assert build(spec).dim == 512


class Payload:
    def __reduce__(self):
        return (open, ("executed", "w"))


def test_a_pickle_in_disguise_is_never_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pt"
    torch.save({"last_linear.weight": Payload()}, path)
    with pytest.raises(MrafError, match=r"evil\.pt"):
        build(EncoderSpec(name="facenet", weights=path, sha256=weights.sha256_of(path)))
    assert not (tmp_path / "executed").exists()


def test_tables_are_where_auto_looks():
    assert next(iter(encoders.FACE)) == "facenet" and next(iter(encoders.VOICE)) == "ecapa"


def test_a_third_encoder_is_one_row(monkeypatch):
    third = encoders.Encoder("Third", 128, encoders.Dlib, package="dlib-bin")
    monkeypatch.setitem(FACE, "third", third)
    assert choose().face.name == "dlib"
    assert choose(face="third").fingerprint.encoders.startswith("face=third@")
    assert build(EncoderSpec(name="third")).dim == 128


def test_auto_does_not_stop_at_a_proxy_that_answers_for_the_server(monkeypatch):
    import requests

    def portal(url, **_):
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(b"<html>please log in</html>")
        return answer

    monkeypatch.setattr("requests.head", portal)
    monkeypatch.setattr("requests.get", portal)
    assert choose().face.name == "dlib"
    with pytest.raises(MissingError, match="the answer is not 20180402-114759-vggface2.pt"):
        choose(face="facenet")
