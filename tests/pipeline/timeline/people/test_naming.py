from dataclasses import replace

import numpy as np
import pytest

from mraf.errors import MissingError, UsageError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.timeline.linking.looks import Look
from mraf.pipeline.timeline.people.naming import NamingModel
from mraf.pipeline.training.train import train
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from tests.conftest import made_once
from tests.helpers.workspaces import filled, people

PAIR = EncoderPair(
    face=EncoderSpec(name="dlib", sha256="0" * 64),
    voice=EncoderSpec(name="campplus", sha256="1" * 64),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Six people whom a model knows, and vectors that the encoders of `PAIR` made."""

    def make(folder):
        filled(folder, people(6))
        table = Workspace(folder).table
        made = ExtractOptions().fingerprint(PAIR).to_json()
        with table.writer() as writer:
            for row in list(table.rows()):
                writer.add(replace(row, extractor=made))
        train(folder, options=PrototypeOptions(steps=5, batch_size=16), name="six")

    return made_once(tmp_path_factory, "naming", make)


def vector(dim, *key):
    found = np.random.default_rng(list(map(ord, f"{key}"))).normal(size=dim)
    return (found / np.linalg.norm(found)).astype(np.float32)


def face(who):
    return vector(128, who)


def voice(who):
    return vector(192, who)


def test_somebody_is_named_by_face_and_voice_and_by_each(workspace):
    model = NamingModel(workspace, PAIR)
    found = model(
        [
            Look(face=face("s1"), voice=voice("s1"), seconds=30),
            Look(face=face("s2")),
            Look(voice=voice("s3"), seconds=30),
            Look(),
        ]
    )
    assert [(each.name, each.by) for each in found] == [
        ("s1", "face and voice"),
        ("s2", "face"),
        ("s3", "voice"),
        (None, None),
    ]
    assert [each.asked for each in found] == [True, True, True, False]
    assert found[0].known > 0.9 and found[0].probability > 0.9 and found[0].strength > 0.8
    assert model.notes == () and model.name == "six" and model.speakers[0] == "s0"
    assert model([]) == []


def test_a_stranger_has_no_name(workspace):
    look = Look(face=face("nobody"), voice=voice("nobody"), seconds=30)
    (found,) = NamingModel(workspace, PAIR)([look])
    assert (found.name, found.by, found.probability, found.asked) == (None, None, None, True)
    assert found.known < 0.5 and found.strength == 0


@pytest.mark.parametrize(("seconds", "name"), [(1.9, None), (2.0, "s3")])
def test_a_voice_of_under_two_seconds_names_nobody_by_itself(workspace, seconds, name):
    short = Look(voice=voice("s3"), seconds=seconds)
    seen = Look(voice=voice("s3"), face=face("s3"), seconds=seconds)
    found = NamingModel(workspace, PAIR)([short, seen])
    assert [each.name for each in found] == [name, "s3"]


def test_face_and_voice_of_two_people_are_told(workspace):
    look = Look(face=face("s1"), voice=voice("s2"), seconds=30)
    (found,) = NamingModel(workspace, PAIR)([look])
    assert (found.face, found.voice) == ("s1", "s2")
    assert found.notes[0].startswith("face and voice disagree: the face alone looks like s1")


def test_the_threshold_can_be_another(workspace):
    look = Look(face=face("nobody"), voice=voice("nobody"), seconds=30)
    (found,) = NamingModel(workspace, PAIR, threshold=0.0)([look])
    assert found.name is not None
    with pytest.raises(UsageError, match="--threshold 2"):
        NamingModel(workspace, PAIR, threshold=2)


def test_vectors_of_other_encoders_are_refused(workspace):
    other = EncoderPair(face=PAIR.face, voice=EncoderSpec(name="campplus", sha256="2" * 64))
    with pytest.raises(UsageError, match="'six' was trained on vectors of"):
        NamingModel(workspace, other)


def test_a_workspace_without_a_model_names_nobody(tmp_path, workspace):
    assert NamingModel.of(tmp_path, PAIR) is None
    assert NamingModel.of(workspace, PAIR).name == "six"
    with pytest.raises(MissingError, match="no model called 'other'"):
        NamingModel.of(tmp_path, PAIR, model="other")
    with pytest.raises(UsageError, match="--threshold"):
        NamingModel.of(tmp_path, PAIR, threshold=-1)


def test_a_model_that_cannot_tell_strangers_says_so(workspace, tmp_path, monkeypatch):
    from mraf import checkpoint

    plain = checkpoint.load

    def unfitted(*arguments, **options):
        loaded = plain(*arguments, **options)
        loaded.model.recogniser.fitted.fill_(False)
        return loaded

    monkeypatch.setattr(checkpoint, "load", unfitted)
    model = NamingModel(workspace, PAIR)
    assert model.notes[0].startswith("This model cannot tell strangers")
    (found,) = model([Look(voice=voice("nobody"), seconds=30)])
    assert found.name is not None and found.known is None and found.strength > 0


def test_what_face_and_voice_say_alone_is_told(workspace, monkeypatch):
    from mraf.inference.prediction import References

    looks = [
        Look(face=face("s1"), voice=voice("s1"), seconds=30),
        Look(face=face("s1"), voice=voice("nobody"), seconds=30),
        Look(face=face("s1")),
    ]
    both, strange, alone = NamingModel(workspace, PAIR)(looks)
    assert both.face_known > 0.5 and both.voice_known > 0.5
    assert strange.face_known > 0.5 and strange.voice_known < 0.5
    assert alone.voice_known is None
    assert not (both.half or alone.half or both.doubted or alone.doubted)
    by_face = replace(strange, name="s1", by="face", voice=None)
    assert by_face.doubted and not replace(by_face, half=True).doubted
    assert replace(by_face, voice="s2").doubted and not replace(by_face, voice_known=0.6).doubted
    model = NamingModel(workspace, PAIR)
    six = np.ones(6, bool)
    voices = six.copy()
    voices[1] = False
    monkeypatch.setattr(model, "_references", References(face=six, voice=voices))
    assert [each.half for each in model([*looks[2:], Look(face=face("s2"))])] == [True, False]
