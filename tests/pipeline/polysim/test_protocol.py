import json

import pytest

from mraf.errors import MissingError, UsageError
from mraf.network.options import TrainOptions
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim import protocol as development
from mraf.pipeline.polysim.protocol import Spec, develop
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypicalOptions

QUICK = PrototypicalOptions(steps=5, batch_size=16, head_steps=5)
PLAIN = PrototypicalOptions.plain()


@pytest.fixture
def features(challenge, tmp_path):
    """A workspace of its own with the features of the small challenge."""
    (tmp_path / "features").symlink_to(challenge / "features")
    return tmp_path


def test_measures_every_setting_and_mode(features):
    scores = develop(
        [Spec("ours", QUICK), Spec("plain", PLAIN)], features, seeds=2, folds=3, workers=0
    )
    assert [(score.name, score.mode) for score in scores] == [
        (name, mode) for name in ("ours", "plain") for mode in MODES
    ]
    for score in scores:
        assert score.n == {"P3": 36, "P4": 36, "P5": 36, "P6": 36}
        assert set(score.accuracy) == set(score.deviation) == {"P3", "P4", "P5", "P6", "mean"}
        assert all(0.6 < value <= 1 for value in score.accuracy.values())
    assert scores[0].calibration_after < scores[0].calibration_before


def test_goes_on_where_it_was(features, monkeypatch):
    done = []
    develop([Spec("ours", QUICK)], features, 1, 3, workers=0, progress=lambda *at: done.append(at))
    assert done == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    (file,) = (features / "reports" / "development").iterdir()
    lines = file.read_text().splitlines()
    # One result lost, and one cut off in the middle of writing.
    file.write_text("\n".join([lines[0], lines[1], lines[2][:30]]))
    measured = []
    real = development._measure
    monkeypatch.setattr(
        development, "_measure", lambda job, clips: measured.append(job) or real(job, clips)
    )
    again = develop([Spec("ours", QUICK)], features, 1, 3, workers=0)
    assert len(measured) == 2
    assert [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    measured.clear()
    assert (
        develop([Spec("renamed", QUICK)], features, 1, 3, workers=0)[0].accuracy
        == again[0].accuracy
    )
    assert not measured


def test_the_same_in_workers_as_in_this_process(features, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "features").symlink_to((features / "features").resolve())
    here = develop([Spec("ours", QUICK)], features, 1, 2, workers=0)
    there = develop([Spec("ours", QUICK)], other, 1, 2, workers=2)
    assert [score.accuracy for score in here] == [score.accuracy for score in there]


def test_other_options_or_clips_are_measured_anew(features):
    assert Spec("a", QUICK).identity == Spec("b", QUICK).identity
    assert Spec("a", QUICK).identity != Spec("a", PLAIN).identity
    assert Spec("a", TrainOptions()).identity != Spec("a", TrainOptions(epochs=3)).identity
    english = development.material(Workspace(features), "English")
    urdu = development.material(Workspace(features), "urdu")
    assert english.digest != urdu.digest and len(english.train) == len(urdu.other) == 36


def test_an_unknown_language_and_too_few_seeds(features):
    with pytest.raises(UsageError, match="Urdu"):
        develop([Spec("a", PLAIN)], features, language="Udru")
    with pytest.raises(UsageError, match="seed"):
        develop([Spec("a", PLAIN)], features, seeds=0)


def test_needs_another_language(tmp_path):
    from mraf.pipeline.polysim.challenge import import_features
    from tests.helpers.polysim_files import Layout

    Layout(tmp_path / "root", languages=("English",)).write()
    import_features(tmp_path / "root", workspace=tmp_path)
    with pytest.raises(MissingError, match="another"):
        develop([Spec("a", PLAIN)], tmp_path)


def test_settings_without_clips_have_no_figure(tmp_path):
    from mraf.pipeline.polysim.challenge import import_features
    from tests.helpers.polysim_files import Layout

    Layout(tmp_path / "root", videos=1).write()
    import_features(tmp_path / "root", workspace=tmp_path)
    (score,) = develop([Spec("a", PLAIN)], tmp_path, 1, 2, workers=0, modes=("single",))
    assert score.accuracy["P3"] is None and score.n["P3"] == 0
    assert score.accuracy["mean"] == (score.accuracy["P5"] + score.accuracy["P6"]) / 2


def test_folds_without_clips_do_no_harm(tmp_path):
    from mraf.pipeline.polysim.challenge import import_features
    from tests.helpers.polysim_files import Layout

    Layout(tmp_path / "root", speakers=2, videos=2).write()
    import_features(tmp_path / "root", workspace=tmp_path)
    (score,) = develop([Spec("a", QUICK)], tmp_path, 1, 5, workers=0, modes=("single",))
    assert score.n["P3"] == 8 and set(score.loss) == {"P3", "P4", "P5", "P6"}


def test_a_spec_given_twice_counts_once_and_modes_are_added(features):
    first = develop([Spec("a", PLAIN)] * 2, features, 1, 2, workers=0, modes=("single",))
    assert len(first) == 1 and first[0].n["P3"] == 36
    every = develop([Spec("a", PLAIN)], features, 1, 2, workers=0)
    assert [score.mode for score in every] == list(MODES)
    assert every[0].accuracy == first[0].accuracy
