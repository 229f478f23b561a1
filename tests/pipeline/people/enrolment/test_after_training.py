"""The table changes while a model trains."""

import pytest

import mraf.fit
from mraf import checkpoint
from mraf.errors import UsageError
from mraf.pipeline.people.enrol import enrol
from mraf.pipeline.people.forget import forget
from mraf.pipeline.training.train import train
from mraf.pipeline.upkeep.rename import rename
from mraf.pipeline.workspace import Workspace
from tests.helpers.described_clips import PAIR, clip
from tests.pipeline.people.enrolment.conftest import QUICK
from tests.pipeline.people.enrolment.test_enrol import answers, clips_of, rows_of, state_of


@pytest.fixture
def meanwhile(monkeypatch):
    """Sets what happens between the fit of a model and its writing."""
    fit = mraf.fit.fit

    def happens(change):
        def fitted(*arguments, **options):
            found = fit(*arguments, **options)
            change()
            return found

        monkeypatch.setattr("mraf.fit.fit", fitted)

    return happens


def described(workspace):
    return checkpoint.describe(Workspace(workspace).model())


def test_who_is_forgotten_while_a_model_trains_stays_forgotten(workspace, meanwhile):
    gone = {row.source_hash for row in rows_of(workspace, speaker="ben")}
    meanwhile(lambda: forget("ben", workspace))
    report = train(workspace, options=QUICK)
    assert report.speakers == 4 and "'ben' was removed" in " ".join(report.notes)
    found = described(workspace)
    assert found.labels == ("ann", "cem", "dua", "eli")
    assert not checkpoint.load_trained(found).content & gone
    assert "ben," not in (found.folder / "README.md").read_text("utf-8")
    rest = rows_of(workspace)
    assert answers(workspace, rest)[0] == [row.speaker for row in rest]


def test_who_is_renamed_while_a_model_trains_has_the_new_name(workspace, meanwhile):
    meanwhile(lambda: rename("cem", "cemal", workspace))
    notes = train(workspace, options=QUICK).notes
    assert "'cem' was renamed to 'cemal' during the training." in notes
    assert described(workspace).labels == ("ann", "ben", "cemal", "dua", "eli")
    recordings = checkpoint.load_trained(described(workspace)).recordings
    assert {each[0] for each in recordings} == {"ann", "ben", "cemal", "dua", "eli"}
    meanwhile(lambda: rename("cemal", "cem", workspace))  # the way back, which no list keeps
    train(workspace, options=QUICK)
    assert described(workspace).labels == ("ann", "ben", "cem", "dua", "eli")
    meanwhile(lambda: rename("cem", "ben", workspace, yes=True))
    train(workspace, options=QUICK)
    assert described(workspace).labels == ("ann", "ben", "dua", "eli")


def test_a_network_follows_a_new_name_only(workspace, meanwhile):
    meanwhile(lambda: rename("cem", "cemal", workspace))
    train(workspace, name="net", model_type="fop", epochs=1)
    assert "cemal" in described(workspace).labels
    meanwhile(lambda: forget("ben", workspace))
    before = {k: v for k, v in state_of(workspace).items() if "models/net" in k}
    with pytest.raises(UsageError, match="changed during the training: 'ben' is gone.*Nothing was"):
        train(workspace, name="net", model_type="fop", epochs=1)
    assert {k: v for k, v in state_of(workspace).items() if "models/net" in k} == before


def test_a_table_that_is_empty_in_the_end(workspace, meanwhile):
    table = Workspace(workspace).table
    meanwhile(lambda: table.drop([row.clip for row in rows_of(workspace)]))
    with pytest.raises(UsageError, match="nobody who trained is in it any more"):
        train(workspace, options=QUICK)


def test_the_new_model_has_the_enrolled_with_its_first_write(
    workspace, tmp_path, meanwhile, monkeypatch
):
    new = clip(tmp_path / "f.mp4", "fay")
    meanwhile(
        lambda: enrol("Fay", [new, *clips_of(tmp_path, "fay")], workspace=workspace, encoders=PAIR)
    )
    written = []
    save = checkpoint.save

    def saved(folder, made, *rest):
        written.append((folder.name, made.labels[-1]))
        save(folder, made, *rest)

    monkeypatch.setattr("mraf.checkpoint.save", saved)
    report = train(workspace, name="second", options=QUICK)
    assert [each for each in written if each[0] == "second"] == [("second", "Fay")]
    assert report.enrolled == 1 and "1 person was enrolled" in " ".join(
        described(workspace).meta["notes"]
    )


def test_who_is_in_the_model_only_is_told_by_the_next_training(workspace, tmp_path):
    enrol("Fay", clips_of(tmp_path, "fay"), workspace=workspace, encoders=PAIR)
    table = Workspace(workspace).table
    table.drop([row.clip for row in rows_of(workspace, speaker="Fay")])
    notes = " ".join(train(workspace, options=QUICK).notes)
    assert "of whom the table has no clip any more, and this one does not: Fay." in notes
    assert "no clip any more" not in " ".join(train(workspace, options=QUICK).notes)
