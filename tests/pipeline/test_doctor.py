from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from mraf.errors import MrafError
from mraf.pipeline import doctor


@pytest.fixture
def remarks():
    """Return the remarks of an examination by part."""
    return lambda folder=None: {name: remark for name, _, remark in doctor.examine(folder)}


def test_every_part_is_named_once(remarks):
    names = [name for name, *_ in doctor.examine()]
    assert len(set(names)) == len(names)
    assert {"mraf", "torch", "facenet weights", "ecapa weights", "dlib encoder"} <= set(names)
    assert remarks()["numpy"] == remarks()["dlib encoder"] == ""


def test_a_package_that_is_not_installed_comes_with_the_command_that_installs_it(
    monkeypatch, remarks
):
    def version(name: str) -> str:
        if name in ("av", "ray"):
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(doctor, "version", version)
    assert remarks()["av"] == "pip install av"
    assert "only for --engine ray" in remarks()["ray"] and remarks()["numpy"] == ""


def test_a_broken_encoder_does_not_stop_the_examination(monkeypatch, remarks):
    def broken(name: str) -> str:
        raise OSError(f"lib{name}.so: cannot open shared object file")

    monkeypatch.setattr(doctor, "_build", broken)
    assert remarks()["dlib encoder"] == "OSError: libdlib.so: cannot open shared object file"


def test_damaged_weights_are_found(remarks, tmp_path):
    from mraf.extractors.weights import PUBLISHED

    for name in ("ecapa", "campplus"):
        (tmp_path / PUBLISHED[name].filename).write_text("no weights")
        assert "SHA-256" in remarks(tmp_path)[f"{name} weights"]


def test_weights_that_are_absent_are_optional_where_another_encoder_is_here(monkeypatch, remarks):
    def find(file, folder):
        return None if file.name == "facenet" else Path("here")

    monkeypatch.setattr("mraf.extractors.weights.find", find)
    monkeypatch.setattr("mraf.extractors.weights.verify", lambda *_: None)
    assert remarks()["facenet weights"] == "optional: mraf weights get facenet"  # there is dlib
    assert remarks()["campplus weights"] == ""


def test_a_voice_encoder_is_needed(monkeypatch, remarks):
    monkeypatch.setattr("mraf.extractors.weights.find", lambda file, folder: None)
    needed = "no voice encoder is here: mraf weights get ecapa or mraf weights get campplus"
    assert remarks()["campplus weights"] == remarks()["ecapa weights"] == needed
    assert remarks()["facenet weights"].startswith("optional")
    assert "two voices at once: mraf weights get segmentation" in remarks()["segmentation weights"]


def test_an_error_of_mraf_is_shown_in_its_own_words(monkeypatch, remarks):
    def wrong() -> str:
        raise MrafError("The device is on strike.")

    monkeypatch.setattr(doctor, "_device", wrong)
    assert "The device is on strike." in remarks()["torch device"]
