import json
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mraf import checkpoint as module
from mraf.checkpoint import Checkpoint, TrainedOn, describe, load, load_trained, save
from mraf.errors import MissingError, MrafError, UsageError
from mraf.fit import fit
from mraf.fop.options import FOPOptions
from mraf.inference.prediction import predict
from mraf.json_text import to_json
from mraf.network.model import MRAF, MRAFConfig
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import SMALL, made_features

LABELS = ("Ada", "بے نظیر", "Cem", "Dot", "Eve", "Fay")


def made(**changes) -> Checkpoint:
    model = MRAF(MRAFConfig(face_dim=10, voice_dim=8, classes=6, **SMALL)).eval()
    return Checkpoint(**{"model": model, "labels": LABELS, "meta": {"face": "dlib"}, **changes})


@pytest.fixture
def folder(tmp_path):
    save(tmp_path / "model", made(), "# A model\n")
    return tmp_path / "model"


def test_round_trip(tmp_path):
    before = made(metrics={"P3": {"accuracy": 0.5, "n": 3}})
    save(tmp_path / "a" / "model", before, "# Card é")
    after = load(tmp_path / "a" / "model")
    features = made_features(missing=0.2)
    for mine, theirs in zip(
        vars(predict(before.model, features)).values(),
        vars(predict(after.model, features)).values(),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, theirs)
    assert (after.labels, after.meta, after.metrics) == (LABELS, before.meta, before.metrics)
    assert not after.model.training
    assert after.model.config == before.model.config
    files = {path.name for path in (tmp_path / "a" / "model").iterdir()}
    assert files == set(module.FILES)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["model"]
    assert (tmp_path / "a" / "model" / "README.md").read_text("utf-8") == "# Card é"


def test_describe(folder):
    said = describe(folder)
    assert said.labels == LABELS and said.config["dim"] == 32 and said.meta == {"face": "dlib"}


def test_a_second_save_replaces_the_first(folder):
    save(folder, made(meta={"face": "facenet"}), "")
    assert load(folder).meta == {"face": "facenet"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("name", module.FILES[:4])
def test_missing_files_are_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(MissingError, match=name):
        load(folder)


@pytest.mark.parametrize("name", module.FILES[:4])
@pytest.mark.parametrize("where", [0.0, 0.3, 0.6, 0.99])
def test_flipped_bits_and_cut_ends_are_found(folder, name, where):
    content = (folder / name).read_bytes()
    at = int(where * len(content))
    for bad in (
        content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :],
        content[:at],
    ):
        (folder / name).write_bytes(bad)
        with pytest.raises(MrafError, match=name):
            load(folder)


@pytest.mark.parametrize("name", ["config.json", "labels.json", "metrics.json"])
@pytest.mark.parametrize("content", ["[]", "{}", "null", "3", '"text"', "[1, 2]", '{"model": 3}'])
def test_json_of_other_types_is_refused(folder, name, content):
    (folder / name).write_text(content)
    with pytest.raises(MrafError, match=name):
        load(folder)


def rewrite(folder, **changes):
    """Change config.json and make its checksum right again."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config.pop("checksum")
    config.update(changes)
    config["checksum"] = module._digest(to_json("config.json", config))
    (folder / "config.json").write_bytes(to_json("config.json", config))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": None}, "version None"),
        ({"version": str(module.VERSION)}, f"version '{module.VERSION}'"),
        ({"version": True}, "version True"),
        ({"format": "other"}, "other"),
        ({"model_type": "resnet"}, "resnet"),
        ({"model_type": "fop"}, "'fop' has no classifier 'linear'"),
        ({"model": {"classes": 6, "classifier": "linear"}}, "face_dim: "),
    ],
)
def test_settings_of_another_kind_are_refused(folder, changes, said):
    rewrite(folder, **changes)
    with pytest.raises(MrafError, match=said) as caught:
        load(folder)
    assert "config.json" in str(caught.value) and module.REMEDY in str(caught.value)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        (module.VERSION - 1, "by an earlier version of mraf .*: train the model again$"),
        (module.VERSION + 1, "by a later version of mraf .*: upgrade mraf$"),
    ],
)
def test_a_model_of_another_version_says_what_helps(folder, version, said):
    """The folder is whole: to copy it again would change nothing."""
    rewrite(folder, version=version)
    with pytest.raises(MrafError, match=said) as caught:
        load(folder)
    shown = f"(model version {version}; this one reads {module.VERSION})"
    assert "config.json" in str(caught.value) and shown in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tokens": 4}, r"model\.safetensors: .* face\.position"),
        ({"layers": 2}, r"model\.safetensors: .* Missing key"),
        ({"heads": "4"}, r"config\.json: model: heads"),
    ],
)
def test_settings_that_do_not_fit_the_weights_are_refused(folder, changes, said):
    model = json.loads((folder / "config.json").read_text("utf-8"))["model"]
    rewrite(folder, model={**model, **changes})
    with pytest.raises(MrafError, match=said):
        load(folder)


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_a_pickle_is_never_opened(folder):
    content = pickle.dumps(Bomb())
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(MrafError, match=r"model.safetensors"):
        load(folder)
    hashes = json.loads((folder / "config.json").read_text("utf-8"))["sha256"]
    rewrite(folder, sha256={**hashes, "model.safetensors": module._digest(content)})
    with pytest.raises(MrafError, match=r"model\.safetensors: .* tensors"):
        load(folder)


def test_no_model(tmp_path):
    with pytest.raises(MissingError, match="mraf train"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingError, match=r"config\.json"):
        load(tmp_path / "empty")


@pytest.mark.parametrize("step", ["mkdir", "open", "rename"])
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError("disk")])
def test_an_interrupted_save_leaves_the_older_model(folder, monkeypatch, step, before, stop):
    whole, calls = getattr(Path, step), []

    def interrupted(*arguments, **options):
        calls.append(arguments)
        if len(calls) == before + 1:
            raise stop
        return whole(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, step, interrupted)
        with pytest.raises((KeyboardInterrupt, UsageError)):
            save(folder, made(meta={"face": "facenet"}), "")
    assert load(folder).meta == {"face": "dlib"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_a_save_killed_between_its_renames_is_recovered(folder):
    folder.rename(module._backup(folder))
    assert load(folder).meta == {"face": "dlib"}
    assert module.model_folders(folder.parent) == [folder]
    save(folder, made(meta={"face": "facenet"}), "")
    assert load(folder).meta == {"face": "facenet"}
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_other_folders_and_files_are_not_overwritten(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("x")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        save(tmp_path / "thesis", made(), "")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="not a folder"):
        save(tmp_path / "file", made(), "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": LABELS[:5]}, "5 names"),
        ({"labels": (*LABELS[:5], "Ada")}, "6 speakers, 5 names"),
        ({"meta": {"a": {1, 2}}}, "config.json cannot be written"),
        ({"meta": {"a": float("nan")}}, "config.json cannot be written"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, changes, said):
    with pytest.raises(UsageError, match=said):
        save(tmp_path / "model", made(**changes), "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options", [PrototypeOptions(steps=3), FOPOptions(unwatched_epochs=1, epochs=1)]
)
def test_every_model_type_comes_back_as_it_was(tmp_path, options):
    features = made_features(missing=0.2)
    model = fit(features, 6, options).model
    save(tmp_path / "model", made(model=model), "")
    again = load(tmp_path / "model").model
    assert (again.model_type, again.config) == (model.model_type, model.config)
    np.testing.assert_array_equal(
        predict(model, features).probability, predict(again, features).probability
    )


@pytest.mark.parametrize("name", ["config.json", "labels.json", "metrics.json"])
def test_json_of_great_size_is_refused(folder, name):
    for content in (b"9" * 10_000, b'["' + b"a" * 1_000_000 + b'"]', b"\xff\xfe["):
        (folder / name).write_bytes(content)
        with pytest.raises(MrafError, match=name):
            load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "labels.json"])
def test_a_folder_in_the_place_of_a_file_is_named(folder, name):
    (folder / name).unlink()
    (folder / name).mkdir()
    with pytest.raises(MrafError, match=name):
        load(folder)


def test_files_of_two_models_do_not_pass_as_one(folder, tmp_path):
    save(tmp_path / "other", made(labels=LABELS[::-1]), "")
    shutil.copy(tmp_path / "other" / "labels.json", folder / "labels.json")
    with pytest.raises(MrafError, match=r"labels\.json"):
        load(folder)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
        min_size=6,
        max_size=6,
        unique=True,
    )
)
def test_any_speaker_names_come_back(tmp_path_factory, labels):
    folder = tmp_path_factory.mktemp("names") / "model"
    save(folder, made(labels=tuple(labels)), "")
    assert describe(folder).labels == tuple(labels)


@pytest.mark.parametrize("name", ["config.json", "labels.json"])
def test_json_that_is_nested_without_end_is_refused_by_name(folder, name):
    (folder / name).write_text("[" * 200_000)
    with pytest.raises(MrafError, match=name.replace(".", r"\.")):
        load(folder)


TRAINED = TrainedOn(
    content=frozenset(f"{number:032x}" for number in range(20_000)),
    recordings=frozenset(("Ada", "Urdu", f"rec{number}") for number in range(2_000)),
)


def test_the_clips_that_trained_are_apart_and_come_back(folder):
    before = (folder / "config.json").stat().st_size
    save(folder, made(), "", TRAINED)
    assert (folder / "config.json").stat().st_size == before
    assert load_trained(describe(folder)) == TRAINED


@pytest.mark.parametrize("content", [b"[]", b"{}", b'{"content": 3, "recordings": []}', b"{"])
def test_clips_that_trained_are_checked(folder, content):
    said = describe(folder)
    (folder / "trained.json").write_bytes(content)
    with pytest.raises(MrafError, match=r"trained\.json"):
        load_trained(said)
    (folder / "trained.json").unlink()
    with pytest.raises(MissingError, match=r"trained\.json"):
        load_trained(said)


def test_a_model_that_is_described_already_is_not_described_again(folder, monkeypatch):
    read, said = [], describe(folder)
    whole = module._read
    monkeypatch.setattr(
        module, "_read", lambda path, *rest: read.append(path.name) or whole(path, *rest)
    )
    load(said)
    assert read == ["model.safetensors"]


def test_numbers_that_json_has_not_are_null(folder):
    nan, infinity = float("nan"), float("inf")
    save(folder, made(metrics={"a": nan, "b": [1.5, {"c": -infinity}], "d": (infinity, 2)}), "")
    assert "NaN" not in (folder / "metrics.json").read_text()
    assert describe(folder).metrics == {"a": None, "b": [1.5, {"c": None}], "d": [None, 2]}


def test_the_umask_decides_who_may_read_a_model_and_never_changes(tmp_path, monkeypatch):
    """Files that other threads create in the meantime would have the wrong permissions."""
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", lambda mask: pytest.fail("changed the umask"))
            save(tmp_path / "model", made(), "")
    finally:
        os.umask(before)
    assert (tmp_path / "model").stat().st_mode & 0o777 == 0o750
    assert (tmp_path / "model" / "config.json").stat().st_mode & 0o777 == 0o640
