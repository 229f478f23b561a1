from importlib.metadata import PackageNotFoundError

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


def test_weights_that_are_absent_are_optional(monkeypatch, remarks):
    monkeypatch.setattr("mraf.extractors.weights.find", lambda file, folder: None)
    for name in ("facenet", "campplus"):
        assert remarks()[f"{name} weights"] == f"optional: mraf weights get {name}"


def test_an_error_of_mraf_is_shown_in_its_own_words(monkeypatch, remarks):
    def wrong() -> str:
        raise MrafError("The device is on strike.")

    monkeypatch.setattr(doctor, "_device", wrong)
    assert "The device is on strike." in remarks()["torch device"]
