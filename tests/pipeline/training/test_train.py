"""Training a model on the features of a workspace."""

import shutil

import pytest

from mraf.checkpoint import describe, load_trained
from mraf.errors import MissingError, UsageError
from mraf.pipeline.training.train import train


@pytest.fixture
def workspace(extracted, tmp_path):
    shutil.copytree(extracted, tmp_path / "w")
    return tmp_path / "w"


def test_one_language_may_be_named_alone(workspace):
    one = train(workspace, name="one", languages="english", holdout=0)
    assert one.samples == train(workspace, name="two", languages=["English"], holdout=0).samples
    assert describe(one.folder).meta["languages"] == ["English"]
    with pytest.raises(UsageError, match="No clip in the table is in 'Welsh'"):
        train(workspace, languages="Welsh")


def test_the_model_knows_its_clips_and_its_card_the_speakers(workspace):
    report = train(workspace, holdout=0.25, languages="English")
    trained = load_trained(describe(report.folder))
    assert len(trained.content) == report.samples and report.heldout > 0
    card = (report.folder / "README.md").read_text("utf-8")
    assert all(name in card for name in describe(report.folder).labels)
    assert "Seen and heard" in card


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"holdout": 1.0}, "from 0 to below 1"),
        ({"preset": "papr"}, "Did you mean 'paper'"),
        ({"name": "a/b"}, "cannot name a model"),
    ],
)
def test_wrong_arguments_write_nothing(workspace, options, message):
    with pytest.raises(UsageError, match=message):
        train(workspace, **options)
    assert not (workspace / "models").exists()


def test_without_features_the_message_says_what_to_do(tmp_path):
    with pytest.raises(MissingError, match="mraf extract"):
        train(tmp_path / "empty")
