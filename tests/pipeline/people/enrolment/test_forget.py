import json

import pytest

from mraf import checkpoint
from mraf.data.table.lock import locked
from mraf.errors import UsageError
from mraf.pipeline.people.archive.grouping import FILE, Grouping, Kept
from mraf.pipeline.people.enrol import enrol
from mraf.pipeline.people.forget import forget
from mraf.pipeline.training.train import train
from mraf.pipeline.upkeep.rename import rename
from mraf.pipeline.workspace import Workspace
from tests.helpers.described_clips import PAIR, clip
from tests.pipeline.people.enrolment.conftest import QUICK
from tests.pipeline.people.enrolment.test_enrol import answers, clips_of, rows_of, state_of


def labels(workspace, model=None) -> tuple[str, ...]:
    return checkpoint.describe(Workspace(workspace).model(model)).labels


def test_a_person_goes_from_the_models_and_the_table(workspace):
    train(workspace, name="second", options=QUICK)
    gone = {row.source_hash for row in rows_of(workspace, speaker="ben")}
    newest = Workspace(workspace).model()
    report = forget("ben", workspace)
    assert (report.clips, report.enrolled) == (4, 0)
    assert sorted(report.models) == ["prototypes", "second"] and report.deleted == ()
    assert rows_of(workspace, speaker="ben") == [] and Workspace(workspace).model() == newest
    for model in report.models:
        assert labels(workspace, model) == ("ann", "cem", "dua", "eli")
        folder = Workspace(workspace).model(model)
        trained = checkpoint.load_trained(checkpoint.describe(folder))
        assert not trained.content & gone and not trained.out_of_fold.keys() & gone
        assert all(each[0] != "ben" for each in trained.recordings)
        assert "| Speakers | 4: ann, cem, dua, eli |" in (folder / "README.md").read_text("utf-8")
    rest = rows_of(workspace)
    assert answers(workspace, rest)[0] == [row.speaker for row in rest]


def test_the_answers_out_of_fold_keep_their_people(workspace):
    folder = Workspace(workspace).model()
    before = checkpoint.load_trained(checkpoint.describe(folder)).out_of_fold
    old = labels(workspace)
    forget("ben", workspace)
    new = labels(workspace)
    after = checkpoint.load_trained(checkpoint.describe(folder)).out_of_fold
    assert after
    for digest, (who, _) in after.items():
        assert [new[i] for i in who] == [old[i] for i in before[digest][0]]


def test_who_was_enrolled_is_forgotten_too_and_the_last_takes_the_model_along(tmp_path):
    place = tmp_path / "p"
    enrol("Fay", clips_of(tmp_path, "fay"), workspace=place, encoders=PAIR)
    report = forget("fay".title(), place)
    assert (report.clips, report.enrolled, report.deleted) == (2, 2, ("enrolled",))
    assert not (place / "models" / "enrolled").exists() and rows_of(place) == []
    assert enrol("Fay", clips_of(tmp_path, "fay"), workspace=place, encoders=PAIR).begun


def test_models_that_must_be_trained_are_told(workspace):
    train(workspace, name="net", model_type="fop", epochs=1)
    report = forget("ben", workspace)
    assert report.models == ("prototypes",) and "train it again" in report.untouched["net"]
    assert "ben" in labels(workspace, "net")


def test_nobody_of_that_name_and_an_answer_of_no(workspace):
    before = state_of(workspace)
    with pytest.raises(UsageError, match="nobody is called 'benn' .*Did you mean 'ben'"):
        forget("benn", workspace)
    asked = []
    with pytest.raises(UsageError, match="'ben' was not forgotten"):
        forget("ben", workspace, on_question=asked.append)
    assert asked == ["Forget ben: 4 rows of the table, known to 1 of the models? The files stay."]
    assert state_of(workspace) == before


def test_to_rename_to_a_person_who_is_there_makes_one_of_two_in_the_model(workspace, tmp_path):
    report = rename("ben", "ann", workspace, yes=True)
    assert (report.models, report.untouched, report.merged) == (("prototypes",), {}, True)
    assert labels(workspace) == ("ann", "cem", "dua", "eli")
    rows = rows_of(workspace)
    assert answers(workspace, rows)[0] == [row.speaker for row in rows]
    model = checkpoint.load(Workspace(workspace).model()).model
    assert model.recogniser.recordings.tolist() == [8.0, 4.0, 4.0, 4.0]
    trained = checkpoint.load_trained(checkpoint.describe(Workspace(workspace).model()))
    assert {each[0] for each in trained.recordings} == {"ann", "cem", "dua", "eli"}
    more = enrol(
        "ann", clip(tmp_path / "a.mp4", "ann"), workspace=workspace, encoders=PAIR, yes=True
    )
    assert more.references == 9


def test_nothing_is_forgotten_while_the_table_is_busy(workspace, monkeypatch):
    monkeypatch.setattr("mraf.pipeline.people.enrolment.gallery.PATIENCE", 0.0)
    before = state_of(workspace)
    with locked(Workspace(workspace).table.folder), pytest.raises(UsageError, match="holds this"):
        forget("ben", workspace)
    assert state_of(workspace) == before


def test_groups_and_kept_names_forget_too(workspace):
    kept = {"g1": Kept(clips={"a": ""}, name="ben"), "g2": Kept(clips={"b": ""}, name="cem")}
    Grouping(file=workspace / FILE, groups=kept).write()
    rename("ben", "Ben Lee", workspace)
    assert Grouping.at(Workspace(workspace)).group("g1").name == "Ben Lee"
    forget("Ben Lee", workspace)
    groups = Grouping.at(Workspace(workspace)).groups
    assert [each.name for each in groups.values()] == [None, "cem"]
    assert Workspace(workspace).renames.names == {}
    assert "Ben Lee" not in json.dumps({k: str(v) for k, v in state_of(workspace).items()})
