import shutil
from dataclasses import replace

import numpy as np
import pytest

from mraf import Workspace
from mraf.errors import MissingError, UsageError
from mraf.network.options import TrainOptions
from mraf.pipeline.evaluation import evaluate, unseen_clips
from mraf.pipeline.training.train import train

QUICK = TrainOptions(threads=1, epochs=2, steps=None)


@pytest.fixture
def workspace(extracted, tmp_path):
    """The sample's features, to be changed."""
    return shutil.copytree(extracted, tmp_path / "workspace")


def relabel(workspace, **columns):
    """Rows of the table under other labels, as a run over renamed folders makes them."""
    table = Workspace.at(workspace).table
    rows = list(table.rows())
    with table.writer() as writer:
        for row in rows:
            changed = {name: change(getattr(row, name)) for name, change in columns.items()}
            writer.add(replace(row, clip=f"x/{row.clip}", replaces=row.clip, **changed))


def test_settings_count_the_right_clips(trained):
    report = evaluate(trained)
    table = Workspace.at(trained).table.arrays()
    urdu = np.array([language == "Urdu" for language in table.language])
    assert report.settings["P6"].n == (urdu & table.voice_present).sum()
    assert report.settings["P5"].n == (urdu & table.voice_present & table.face_present).sum()
    assert report.settings["P4"].n <= 8 and report.train_languages == ("English",)


def test_clips_of_other_speakers_only_are_named(trained, workspace):
    relabel(workspace, speaker=lambda name: f"new {name}", recording=lambda name: f"new {name}")
    table = Workspace.at(workspace).table
    with table.writer() as writer:  # other content than that of the clips that trained
        for row in list(table.rows()):
            writer.add(replace(row, source_hash=f"new {row.clip}"))
    with pytest.raises(MissingError, match="'new person01' is not among its 4, .* 'person01'"):
        evaluate(workspace, model=str(Workspace.at(trained).model()))


def test_renamed_recordings_do_not_let_training_clips_in(workspace):
    train(workspace, languages=("English",), options=QUICK)
    before = evaluate(workspace)
    relabel(workspace, recording=lambda name: f"new {name}")
    after = evaluate(workspace)
    assert {k: s.n for k, s in after.settings.items()} == {
        k: s.n for k, s in before.settings.items()
    }


def test_clips_of_a_trained_recording_are_not_unseen(workspace):
    train(workspace, languages=("English",), options=QUICK)
    from mraf.checkpoint import describe, load_trained

    trained = load_trained(describe(Workspace.at(workspace).model()))
    table = Workspace.at(workspace).table.arrays()
    # New clips, cut from recordings that trained.
    unseen = unseen_clips(table, replace(trained, content=frozenset()))
    assert unseen.any()
    for i in np.flatnonzero(unseen):
        assert (table.speaker[i], table.language[i], table.recording[i]) not in trained.recordings


def test_single_recordings_are_held_out_by_clip_with_a_note(workspace):
    relabel(workspace, recording=lambda name: "one", language=lambda name: "English")
    report = train(workspace, options=QUICK)
    assert report.heldout > 0 and "single clips were held out" in report.notes[0]
    assert any("single clips were held out" in note for note in evaluate(workspace).notes)


def test_the_other_language_can_be_named(workspace):
    train(workspace, languages=("english",), options=QUICK)
    assert evaluate(workspace, other="urdu").settings["P5"].n > 0
    with pytest.raises(UsageError, match="No clip in the table is in 'Hindi'"):
        evaluate(workspace, other="Hindi")


def test_nothing_left_to_measure_on(workspace):
    train(workspace, holdout=0, options=QUICK)
    with pytest.raises(MissingError, match="every clip in the table trained this model"):
        evaluate(workspace)


def test_figures_are_given_even_where_the_report_cannot_be_written(workspace):
    train(workspace, languages=("English",), options=QUICK)
    (workspace / "reports").write_text("in the way")
    assert evaluate(workspace).settings["P3"].n > 0


def test_seed_decides_the_model(workspace):
    seeds = {"a": 1, "b": 1, "c": 2}
    folders = [
        train(workspace, name=name, options=QUICK, seed=s).folder for name, s in seeds.items()
    ]
    models = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert models[0] == models[1] != models[2]


@pytest.mark.parametrize("obstacle", ["file", "stranger"])
def test_a_place_where_no_model_can_go_is_refused_before_training(workspace, obstacle):
    if obstacle == "file":
        (workspace / "models").write_text("")
    else:
        (workspace / "models" / "prototypes").mkdir(parents=True)
        (workspace / "models" / "prototypes" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"cannot be written|'notes.txt'"):
        train(workspace, options=QUICK, on_epoch=lambda epoch: pytest.fail("has trained"))
