import csv

import pytest

from mraf.errors import UsageError
from mraf.model_types import changed, options_of
from mraf.pipeline.polysim.ablation import _CHANGES, COLUMNS, PAPER, ablate

TINY = {"dim": 16, "tokens": 2, "ffn": 16, "epochs": 1}


@pytest.fixture
def features(challenge, tmp_path):
    """A workspace of its own with the features of the small challenge."""
    (tmp_path / "features").symlink_to(challenge / "features")
    return tmp_path


@pytest.mark.parametrize("what", ["fusion", "missing"])
def test_writes_a_table_with_the_papers_figures(features, what):
    result = ablate(what, features, seeds=2, folds=2, changes=TINY, workers=0)
    assert [score.name for score in result.scores] == list(PAPER[what])
    with result.files[0].open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 5 and {row["setting"] for row in rows} == set(COLUMNS)
    assert rows[0]["published"] == str(next(iter(PAPER[what].values()))[0])
    assert (rows[0]["mode"], rows[0]["published_mode"]) == ("single", "cross")
    assert "epochs = 1" in rows[0]["conditions"] and "epochs=1" in result.files[0].name
    text = result.files[1].read_text("utf-8")
    assert text.count("\n|") == 2 + 4 and "2 seeds" in text and "P4, published (cross)" in text


def test_the_ratio_has_a_plot(features):
    result = ablate("ratio", features, seeds=1, folds=2, changes=TINY, workers=0)
    assert [path.suffix for path in result.files] == [".csv", ".md", ".svg"]
    assert result.files[2].read_text("utf-8").count("<path") > 20
    assert [score.name for score in result.scores][:2] == ["p_a = 0.0", "p_a = 0.2"]


def test_what_is_the_same_is_trained_once(features):
    ablate("fusion", features, seeds=1, folds=2, changes=TINY, workers=0)
    reports = []
    ablate(
        "missing",
        features,
        seeds=1,
        folds=2,
        changes=TINY,
        workers=0,
        progress=lambda *at: reports.append(at),
    )
    assert reports[0] == (3, 12)  # learned token and cross-attention: measured already


def test_unknown_ablations_and_options_are_named(features):
    with pytest.raises(UsageError, match="fusion"):
        ablate("fussion", features)
    with pytest.raises(UsageError, match="dimm"):
        ablate("fusion", features, changes={"dimm": 3})
    with pytest.raises(UsageError, match="'sharpness' cannot be changed: this ablation varies it"):
        ablate("prototypes", features, changes={"sharpness": 1.0})


@pytest.mark.parametrize("what", ["fusion", "missing", "ratio", "prototypes"])
def test_every_row_differs_from_the_others_in_what_the_ablation_varies(what):
    """A renamed option would change nothing."""
    base = options_of() if what == "prototypes" else options_of("mraf", "paper")
    made = [changed(base, each) for each in _CHANGES[what].values()]
    assert len(set(made)) == len(made) and base in made


def test_the_parts_of_prototypes_are_measured_by_more_than_accuracy(features):
    changes = {"batch_size": 16, "lr": 2e-3}
    result = ablate("prototypes", features, seeds=1, folds=2, changes=changes, workers=0)
    names = [score.name for score in result.scores]
    assert names[0] == "prototypes" and "without the learned metric" in names and result.extras
    assert result.conditions == "`prototypes`, batch_size = 16, lr = 0.002"
    text = result.files[1].read_text("utf-8")
    assert "wrong faces" in text and all(f"| {name} |" in text for name in names)
