import json
import pickle
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from mraf.errors import MissingError, MrafError, UsageError
from mraf.network.options import TrainOptions
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim import protocol
from mraf.pipeline.polysim.protocol import Spec, develop
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from tests.mraf.conftest import made_features

QUICK = PrototypeOptions(steps=5, batch_size=16)
PLAIN = PrototypeOptions.cosine()


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
    develop(
        [Spec("ours", QUICK)],
        features,
        seeds=1,
        folds=3,
        workers=0,
        progress=lambda *at: done.append(at),
    )
    assert done == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    (file,) = (features / "reports" / "development").iterdir()
    lines = file.read_text().splitlines()
    # One result lost, and one cut off in the middle of writing.
    file.write_text("\n".join([lines[0], lines[1], lines[2][:30]]))
    measured = []
    real = protocol._measure
    monkeypatch.setattr(
        protocol, "_measure", lambda job, clips: measured.append(job) or real(job, clips)
    )
    again = develop([Spec("ours", QUICK)], features, seeds=1, folds=3, workers=0)
    assert len(measured) == 2
    assert [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    measured.clear()
    assert (
        develop([Spec("renamed", QUICK)], features, seeds=1, folds=3, workers=0)[0].accuracy
        == again[0].accuracy
    )
    assert not measured


def test_the_same_in_workers_as_in_this_process(features, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "features").symlink_to((features / "features").resolve())
    here = develop([Spec("ours", QUICK)], features, seeds=1, folds=2, workers=0)
    there = develop([Spec("ours", QUICK)], other, seeds=1, folds=2, workers=2)
    assert [score.accuracy for score in here] == [score.accuracy for score in there]


def test_other_options_or_clips_are_measured_anew(features):
    assert Spec("a", QUICK).identity == Spec("b", QUICK).identity
    assert Spec("a", QUICK).identity != Spec("a", PLAIN).identity
    assert Spec("a", TrainOptions()).identity != Spec("a", TrainOptions(steps=3)).identity
    english = protocol.material(Workspace(features), "English")
    urdu = protocol.material(Workspace(features), "urdu")
    assert english.digest != urdu.digest and len(english.train) == len(urdu.other) == 36
    assert english.digest == protocol.material(Workspace(features), "English").digest


@pytest.mark.parametrize("name", ["face", "voice", "face_present", "label", "recording"])
def test_every_array_of_the_clips_counts(features, name):
    clips = protocol.material(Workspace(features), "English")
    array = getattr(clips.other, name).copy()
    array[3] = ~array[3] if array.dtype == bool else array[3] + 1
    assert replace(clips, other=replace(clips.other, **{name: array})).digest != clips.digest


MEASURED_BY = """
    mraf/inference/calibration.py mraf/fit.py mraf/inference/folds.py mraf/inference/prediction.py mraf/inference/propagation.py
    mraf/network/model.py mraf/network/losses.py mraf/prototypes/fit.py mraf/prototypes/metric.py
    mraf/prototypes/options.py pipeline/evaluation.py pipeline/modes.py pipeline/polysim/protocol.py
    pipeline/polysim/scores.py
"""


@pytest.mark.parametrize("source", MEASURED_BY.split())
def test_results_of_other_code_are_not_used(monkeypatch, source):
    before = protocol._code.__wrapped__()
    assert before == protocol._code.__wrapped__()
    read = Path.read_bytes

    def changed(path):
        return read(path) + (b"#" if path.as_posix().endswith("/" + source) else b"")

    monkeypatch.setattr(Path, "read_bytes", changed)
    assert protocol._code.__wrapped__() != before


@pytest.mark.parametrize("library", ["torch", "numpy", "scipy"])
def test_results_of_other_versions_of_libraries_are_not_used(monkeypatch, library):
    before = protocol._code.__wrapped__()
    version = metadata.version
    monkeypatch.setattr(
        protocol,
        "version",
        lambda name: version(name) + (".1" if name == library else ""),
        raising=False,
    )
    assert protocol._code.__wrapped__() != before


@pytest.mark.parametrize("kind", [MissingError, UsageError, MrafError])
def test_an_error_of_a_fit_keeps_its_kind(features, monkeypatch, kind):
    def failing(job, clips):
        raise kind("it cannot be done")

    monkeypatch.setattr(protocol, "_measure", failing)
    with pytest.raises(MrafError, match="ours: it cannot be done") as raised:
        develop([Spec("ours", QUICK)], features, seeds=1, workers=0)
    assert type(raised.value) is kind


def test_an_error_keeps_its_kind_on_its_way_from_a_worker():
    job = protocol._Job(spec=Spec("ours", QUICK), seed=1, part=0, folds=2, modes=("single",))
    no_clips = made_features().take(slice(0, 0))
    clips = protocol.Material(train=no_clips, other=no_clips, classes=2)
    error = pickle.loads(pickle.dumps(protocol._attempt(job, clips)))
    assert type(error) is UsageError and str(error).startswith("ours: there is nothing to learn")


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
    (score,) = develop([Spec("a", PLAIN)], tmp_path, seeds=1, folds=2, workers=0, modes=("single",))
    assert score.accuracy["P3"] is None and score.n["P3"] == 0
    assert score.accuracy["mean"] == (score.accuracy["P5"] + score.accuracy["P6"]) / 2


def test_folds_without_clips_do_no_harm(tmp_path):
    from mraf.pipeline.polysim.challenge import import_features
    from tests.helpers.polysim_files import Layout

    Layout(tmp_path / "root", speakers=2, videos=2).write()
    import_features(tmp_path / "root", workspace=tmp_path)
    (score,) = develop([Spec("a", QUICK)], tmp_path, seeds=1, folds=5, workers=0, modes=("single",))
    assert score.n["P3"] == 8 and set(score.loss) == {"P3", "P4", "P5", "P6"}


def test_a_spec_given_twice_counts_once_and_modes_are_added(features):
    first = develop(
        [Spec("a", PLAIN)] * 2, features, seeds=1, folds=2, workers=0, modes=("single",)
    )
    assert len(first) == 1 and first[0].n["P3"] == 36
    every = develop([Spec("a", PLAIN)], features, seeds=1, folds=2, workers=0)
    assert [score.mode for score in every] == list(MODES)
    assert every[0].accuracy == first[0].accuracy
