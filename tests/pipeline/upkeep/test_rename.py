import json
from pathlib import Path

import pytest

from mraf import Workspace
from mraf.checkpoint import describe, load, load_trained
from mraf.data.table.lock import locked
from mraf.errors import UsageError
from mraf.pipeline.evaluation import evaluate
from mraf.pipeline.training.train import train
from mraf.pipeline.upkeep.rename import rename
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.workspaces import filled, people

QUICK = PrototypeOptions(steps=5, batch_size=16)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return filled(tmp_path / "w", people(languages=("English",)))


def speakers(workspace) -> dict[str, int]:
    names = Workspace(workspace).table.read(["speaker"])["speaker"].to_pylist()
    return {name: names.count(name) for name in sorted(set(names))}


def test_a_speaker_has_the_new_name_in_the_table_and_in_the_models(workspace):
    folder = train(workspace, options=QUICK).folder
    before = evaluate(workspace)
    report = rename(" s1", "Ann\u0065\u0301 ", workspace)
    assert (report.old, report.new, report.clips, report.merged) == ("s1", "Anné", 6, False)
    assert (report.models, report.untouched) == (("prototypes",), {})
    assert speakers(workspace) == {"Anné": 6, "s0": 6, "s2": 6, "s3": 6}
    assert load(folder).labels == ("s0", "Anné", "s2", "s3")
    assert {each[0] for each in load_trained(describe(folder)).recordings} == {
        "s0", "Anné", "s2", "s3",
    }  # fmt: skip
    card = (folder / "README.md").read_text("utf-8")
    assert "| Speakers | 4: s0, Anné, s2, s3 |" in card
    after = evaluate(workspace)
    assert (after.settings, after.out_of_fold) == (before.settings, before.out_of_fold)


def test_the_model_trained_last_stays_the_last(workspace):
    first = train(workspace, name="first", options=QUICK).folder
    second = train(workspace, name="second", languages="English", options=QUICK).folder
    (second / "labels.json").write_text("[]")  # damaged, and left alone
    report = rename("s1", "ann", workspace)
    assert report.models == ("first",) and "second" in report.untouched
    assert describe(first).labels[1] == "ann" and Workspace(workspace).model() == second


def test_two_speakers_become_one_in_the_table_and_in_a_model_of_prototypes(workspace):
    folder = train(workspace, options=QUICK).folder
    train(workspace, name="net", model_type="fop", epochs=1)
    asked = []
    for answer in (None, asked.append):
        with pytest.raises(UsageError, match="'s2' is a speaker already|'s1' was not renamed"):
            rename("s1", "s2", workspace, on_question=answer)
    assert asked == ["'s2' is a speaker already, and both would become one. Are they one person?"]
    assert len(speakers(workspace)) == 4
    report = rename("s1", "s2", workspace, yes=True)
    assert (report.clips, report.merged, report.models) == (6, True, ("prototypes",))
    assert "knows 's1' and 's2' as two speakers: train it again" in report.untouched["net"]
    assert speakers(workspace) == {"s0": 6, "s2": 12, "s3": 6}
    assert describe(folder).labels == ("s0", "s2", "s3")
    train(workspace, options=QUICK)
    assert describe(folder).labels == ("s0", "s2", "s3")


def test_spellings_of_a_name_become_one(workspace, tmp_path):
    filled(tmp_path / "v", [("Jose\u0301", None, None), ("José", None, None), ("x ", None, None)])
    assert rename("José", "Pepe", tmp_path / "v").clips == 2
    assert rename("x", "X", tmp_path / "v").clips == 1
    assert speakers(tmp_path / "v") == {"Pepe": 2, "X": 1}


def test_the_way_back(workspace):
    train(workspace, options=QUICK)
    rename("s1", "ann", workspace)
    file = workspace / "renames.json"
    assert json.loads(file.read_text("utf-8")) == {"s1": "ann"}
    assert not rename("ann", "s1", workspace).kept
    assert not file.exists() and set(speakers(workspace)) == {"s0", "s1", "s2", "s3"}


def test_a_speaker_of_a_model_alone(workspace):
    folder = train(workspace, options=QUICK).folder
    Workspace(workspace).table.remove("s1")
    report = rename("s1", "ann", workspace)
    assert (report.clips, report.models) == (0, ("prototypes",))
    assert "ann" in describe(folder).labels


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("s1", " ", "cannot name a speaker: it is empty"),
        ("s1", "unknown", "a speaker is not known"),
        ("s1", "s1 ", "are the same name"),
        ("s11", "ann", "no speaker 's11' .there are: s0, .* Did you mean 's1'"),
    ],
)
def test_names_that_are_refused_change_nothing(workspace, old, new, said):
    with pytest.raises(UsageError, match=said):
        rename(old, new, workspace)
    assert not (workspace / "renames.json").exists() and len(speakers(workspace)) == 4


def test_a_name_that_was_given_away_is_told(workspace):
    rename("s1", "ann", workspace)
    with pytest.raises(UsageError, match="no speaker 's1' .*It was renamed to 'ann'"):
        rename("s1", "bob", workspace)


def test_nothing_is_renamed_while_another_run_writes(workspace):
    with locked(workspace / "features"), pytest.raises(UsageError, match="holds this lock"):
        rename("s1", "ann", workspace)
    assert not (workspace / "renames.json").exists()
