"""Training a model on the features of a workspace."""

import json

import pytest

from mraf.checkpoint import describe, load_trained
from mraf.errors import MissingError, UsageError
from mraf.fop.options import FOPOptions
from mraf.network.options import TrainOptions
from mraf.pipeline.training.train import train
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.workspaces import filled, people

QUICK = PrototypeOptions(steps=5, batch_size=16)
TINY = TrainOptions(dim=16, tokens=2, ffn=16, epochs=2, steps=None, threads=1)
FOP = FOPOptions(dim=16, epochs=2, unwatched_epochs=2, threads=1)


@pytest.fixture
def workspace(tmp_path):
    """Four speakers, three recordings of two clips in each of two languages."""
    return filled(tmp_path / "w", people(), noise=3.0)


def test_all_recordings_train_and_are_answered_out_of_fold(workspace):
    report = train(workspace, options=QUICK)
    assert (report.speakers, report.samples, report.heldout) == (4, 48, 0)
    assert (report.cross_validated, report.folds_by, report.dev) == (48, "recording", {})
    assert set(report.cross_validation) == {"face_voice", "voice", "face", "loss"}
    assert set(report.calibration) == {"after"} and report.notes == ()
    trained = load_trained(describe(report.folder))
    table = Workspace.at(workspace).table.arrays()
    assert trained.content == set(table.source_hash) == set(trained.out_of_fold)
    # The figures are those of the answers in the model folder.
    classes = {name: i for i, name in enumerate(describe(report.folder).labels)}
    for column, name in enumerate(("face_voice", "voice", "face")):
        right = [
            trained.out_of_fold[digest][0][column] == classes[speaker]
            for digest, speaker in zip(table.source_hash, table.speaker, strict=True)
        ]
        assert report.cross_validation[name] == pytest.approx(sum(right) / 48)
    assert 0.3 < report.cross_validation["voice"] < 1


def test_held_out_recordings_only_measure(workspace):
    report = train(workspace, holdout=0.25, options=QUICK)
    assert (report.samples, report.heldout, report.cross_validated) == (32, 16, 32)
    assert set(report.dev) == set(report.cross_validation)
    assert set(report.calibration) == {"before", "after"}
    metrics = json.loads((report.folder / "metrics.json").read_text("utf-8"))
    assert metrics["dev"] == report.dev
    assert metrics["cross_validation"] == report.cross_validation


def test_a_network_is_measured_by_one_fit(workspace):
    report = train(workspace, options=TINY)
    fold = load_trained(describe(report.folder)).out_of_fold
    assert report.model == "mraf" and report.epoch in (1, 2)
    assert report.cross_validated == len(fold) and 0 < len(fold) < 24
    assert any("a fit to four fifths of the recordings" in note for note in report.notes)


def test_one_language_may_be_named_alone(workspace):
    one = train(workspace, name="one", languages="en", options=QUICK)
    two = train(workspace, name="two", languages=["English"], options=QUICK)
    assert one.samples == two.samples == 24
    assert describe(one.folder).meta["languages"] == ["English"]
    with pytest.raises(UsageError, match="No clip in the table is in 'Welsh'"):
        train(workspace, languages="Welsh")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"options": QUICK}, "prototypes"),
        ({"preset": "cosine"}, "prototypes-cosine"),
        ({"preset": "paper", "options": TINY}, "mraf"),
        ({"model_type": "fop", "epochs": 1}, "fop"),
        ({"options": FOP, "name": "mine"}, "mine"),
    ],
)
def test_the_model_is_named_by_what_was_trained(workspace, options, name):
    report = train(workspace, **options)
    assert (report.model, report.folder) == (name, workspace / "models" / name)
    found = describe(report.folder)
    if name != "mine":
        assert found.model_type == name.partition("-")[0]
    assert found.meta["preset"] == (
        None if "options" in options else options.get("preset", "default")
    )


def test_epochs_are_ignored_by_what_has_none_with_a_note(workspace):
    report = train(workspace, epochs=3, options=QUICK)
    assert report.notes == ("Training with these options has no epochs: their number was ignored.",)
    assert train(workspace, model_type="fop", epochs=1, options=FOP).epoch == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"holdout": 1.0}, "from 0 to below 1"),
        ({"preset": "cosin"}, "Did you mean 'cosine'"),
        ({"preset": "paper"}, "--model-type mraf"),
        ({"model_type": "prototipes"}, "Did you mean 'prototypes'"),
        ({"name": "a/b"}, "cannot name a model"),
        ({"device": "gpu"}, "'gpu' cannot be used here"),
    ],
)
def test_wrong_arguments_write_nothing(workspace, options, message):
    with pytest.raises(UsageError, match=message):
        train(workspace, **options)
    assert not (workspace / "models").exists()


def test_without_features_the_message_says_what_to_do(tmp_path):
    with pytest.raises(MissingError, match="mraf extract"):
        train(tmp_path / "empty")


ENGLISH = ["English"]
NOT_CALIBRATED = "its probabilities are not calibrated."
ALIKE = "clips of one recording are alike, and the figures are better than new recordings will be."


@pytest.mark.parametrize(
    ("labels", "holdout", "counts", "notes"),
    [
        (people(3, 2, 2, ENGLISH), 0, (12, 0, 12), []),
        (
            people(3, 1, 4, ENGLISH), 0, (12, 0, 12),
            [f"No speaker has two recordings, so single clips were held out: {ALIKE}"],
        ),
        (
            people(3, 1, 4, ENGLISH), 0.25, (9, 3, 9),
            [f"No speaker has two recordings, so single clips were held out: {ALIKE}"],
        ),
        (
            people(3, 2, 2, ENGLISH), 0.5, (6, 6, 6),
            [f"No speaker has two recordings left to train on, so single clips were held out: {ALIKE}"],
        ),
        (
            people(3, 1, 1, ENGLISH), 0, (3, 0, 0),
            [
                "No recording could be held out of training: how good the model is has not been "
                f"measured, and {NOT_CALIBRATED}"
            ],
        ),
        (
            people(3, 2, 1, ENGLISH), 0.5, (3, 3, 0),
            [f"No recording could be held out of training: {NOT_CALIBRATED}"],
        ),
        (
            people(3, 2, 1, ENGLISH)[:-1], 0, (5, 0, 4),
            [
                "1 of 3 speakers have one recording only; all of it trains, and the figures do not "
                "cover them."
            ],
        ),
        (
            [(speaker, None, None) for speaker in "aabb"], 0, (4, 0, 4),
            [
                "4 clips do not say which recording they are cut from and were taken as recordings of "
                "their own: the figures may be better than new recordings will be."
            ],
        ),
        (
            [*people(2, 2, 1, ENGLISH), (None, "English", "v0")], 0, (4, 0, 4),
            ["1 clips have no speaker's name and were left out."],
        ),
    ],
)  # fmt: skip
def test_notes_say_what_the_figures_do_not(tmp_path, labels, holdout, counts, notes):
    report = train(filled(tmp_path, labels), holdout=holdout, options=QUICK)
    assert (report.samples, report.heldout, report.cross_validated) == counts
    assert list(report.notes) == notes
    assert bool(report.calibration) == bool(report.heldout or report.cross_validated)
    by_clip = any("single clips" in note for note in notes)
    assert report.folds_by == ("clip" if by_clip or not report.cross_validated else "recording")


@pytest.mark.parametrize(("name", "kept"), [("face", "voice"), ("voice", "face")])
def test_a_modality_that_no_clip_has_is_noted(tmp_path, name, kept):
    labels = people(3, 2, 2, ENGLISH)
    report = train(filled(tmp_path, labels, **{f"{name}less": range(12)}), options=QUICK)
    assert report.notes == (
        f"No training clip has a {name}: the model leaves {name}s out of account, and clips with nothing "
        "else get no answer.",
    )
    assert set(report.cross_validation) == {kept, "loss"} and report.cross_validated == 12


def test_speakers_whom_no_held_out_clip_shows_are_counted(tmp_path):
    """A network holds one fold out, in which some speakers have no recording."""
    labels = [*people(8, 2, 2, ENGLISH), ("z", "English", "only")]
    report = train(filled(tmp_path, labels), options=TINY)
    answers = load_trained(describe(report.folder)).out_of_fold
    missing = 9 - len({row.speaker for row in rows(tmp_path) if row.source_hash in answers})
    assert 1 < missing < 9
    assert (
        f"The figures do not cover {missing} of 9 speakers; 1 of these have one recording only, all of which "
        "trains." in report.notes
    )


def test_all_recordings_count_in_the_note_on_those_with_one(tmp_path):
    """Two of each are left to measure and to train on: one recording trains, but not for want of others."""
    labels = [*people(3, 2, 2, ENGLISH), *people(4, 4, 2, ENGLISH)[-8:]]
    report = train(filled(tmp_path, labels), holdout=0.5, options=QUICK)
    assert report.notes == ()


def rows(workspace):
    return list(Workspace(workspace).table.rows())


@pytest.mark.parametrize("lacking", [range(0, 4), range(0, 8)])
def test_speakers_without_a_face_are_counted(tmp_path, lacking):
    """The clips of a speaker are four."""
    labels = people(3, 2, 2, ENGLISH)
    report = train(filled(tmp_path, labels, faceless=lacking), options=QUICK)
    who = "1 speaker has" if len(lacking) == 4 else "2 speakers have"
    assert report.notes == (
        f"{who} no training clip with a face: the model cannot name them by the face alone.",
    )
