import csv
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from mraf.data.polysim.importing import ENCODERS
from mraf.data.polysim.index import read_index
from mraf.data.table.features import FeatureTable
from mraf.errors import MissingError, UsageError
from mraf.extractors.encoders import EncoderPair, EncoderSpec
from mraf.extractors.extractor import ExtractOptions
from mraf.extractors.weights import PUBLISHED
from mraf.fingerprint import Fingerprint
from mraf.fop.options import FOPOptions
from mraf.model_types import MODEL_TYPES
from mraf.network.options import TrainOptions
from mraf.pipeline.evaluation import evaluate
from mraf.pipeline.modes import MODES
from mraf.pipeline.polysim.challenge import import_features, statistics, submit
from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.polysim_files import Layout

QUICK = PrototypeOptions(steps=5, batch_size=16)


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


PAIR = EncoderPair(
    face=EncoderSpec(name="facenet", sha256=PUBLISHED["facenet"].sha256),
    voice=EncoderSpec(name="ecapa", sha256=PUBLISHED["ecapa"].sha256),
)


def test_imported_vectors_carry_the_names_that_extraction_with_the_published_weights_writes():
    assert PAIR.fingerprint == ENCODERS


def test_a_model_of_extracted_vectors_is_refused(challenge, tmp_path):
    """Its vectors are of the same encoders, but its speakers may be others."""
    table = FeatureTable(tmp_path / "features")
    made = ExtractOptions().fingerprint(PAIR)
    with table.writer() as writer:
        for row in FeatureTable(challenge / "features").rows():
            if row.speaker:
                writer.add(replace(row, extractor=made.to_json()))
    train(tmp_path, languages=("English",), options=QUICK)
    model = str(tmp_path / "models" / "prototypes")
    with pytest.raises(UsageError, match="not trained on POLY-SIM v1.*somebody else"):
        submit(tmp_path / "out", workspace=challenge, model=model)
    with pytest.raises(UsageError, match="frames=8 .*Train a model on these features"):
        evaluate(challenge, model=model)


def test_evaluates_the_other_language(challenge):
    report = evaluate(challenge)
    assert report.settings["P5"].n == report.settings["P6"].n == 36
    assert report.settings["P5"].accuracy == 1.0
    assert report.settings["P3"].n == report.settings["P4"].n == report.out_of_fold == 36
    assert (report.train_languages, report.other_languages) == (("English",), ("Urdu",))


def test_statistics_are_table_1(challenge):
    version, counts = statistics(challenge)
    found = {(c.language, c.split): (c.videos, c.samples) for c in counts}
    assert version == "v1"
    assert found == {
        ("English", "train"): (12, 36),
        ("Urdu", "train"): (12, 36),
        ("English", "test"): (None, 8),
        ("Urdu", "test"): (None, 8),
    }


@pytest.mark.parametrize("mode", MODES)
def test_submits_in_every_mode(challenge, tmp_path, mode):
    report = submit(tmp_path / "out", mode=mode, workspace=challenge)
    assert report.mode == mode and report.samples == {"English": 8, "Urdu": 8}
    first, second = (rows(path) for path in report.files)
    assert first[0] == ["key", "p3", "p4"] and second[0] == ["key", "p5", "p6"]
    # The builder deals the test samples to the speakers in turn.
    expected = [[f"key{i}", str(i % 4), str(i % 4)] for i in range(8)]
    assert first[1:] == expected and second[1:] == expected
    with zipfile.ZipFile(report.zip) as archive:
        assert sorted(archive.namelist()) == sorted(path.name for path in report.files)


def test_single_answers_do_not_depend_on_the_other_samples(challenge, tmp_path):
    from mraf import checkpoint
    from mraf.pipeline.modes import probabilities
    from mraf.pipeline.training.split import to_features

    arrays = FeatureTable(challenge / "features").arrays()
    loaded = checkpoint.load(challenge / "models" / "prototypes")
    clips = to_features(arrays, loaded.labels, (512, 192), np.arange(20))
    ((complete, voice),) = probabilities(loaded.model, [clips], "single")
    ((one, alone),) = probabilities(loaded.model, [clips.take(slice(3, 4))], "single")
    np.testing.assert_allclose(one[0], complete[3], atol=1e-6)
    np.testing.assert_allclose(alone[0], voice[3], atol=1e-6)


def test_faces_change_nothing_about_voices_but_in_cross(challenge):
    from mraf import checkpoint
    from mraf.pipeline.modes import probabilities
    from mraf.pipeline.training.split import to_features

    arrays = FeatureTable(challenge / "features").arrays()
    loaded = checkpoint.load(challenge / "models" / "prototypes")
    clips = to_features(arrays, loaded.labels, (512, 192), np.arange(30))
    other = replace(clips, face=clips.face[::-1].copy())
    for mode in MODES:
        ((_, voice),) = probabilities(loaded.model, [clips], mode)
        ((_, swapped),) = probabilities(loaded.model, [other], mode)
        assert (np.abs(voice - swapped).max() > 1e-3) == (mode == "cross"), mode


def test_a_sample_with_nothing_is_reported(tmp_path):
    layout = Layout(tmp_path / "root", tests=4).write()
    for which in ("face", "voice"):
        np.save(layout.feature("test", "Urdu", 3, which), np.zeros({"face": 512}.get(which, 192)))
    workspace = tmp_path / "workspace"
    import_features(tmp_path / "root", workspace=workspace)
    train(workspace, languages=("English",), holdout=0.5, options=QUICK)
    report = submit(tmp_path / "out", mode="setting", workspace=workspace)
    assert report.undecided == 2 and any("neither face nor voice" in note for note in report.notes)
    assert any("`mraf train` without --holdout" in note for note in report.notes)


def test_a_model_of_both_languages_is_noted(challenge, tmp_path):
    train(challenge, name="both", options=QUICK)
    report = submit(tmp_path, workspace=challenge, model="both")
    assert any("English only" in note for note in report.notes)


def test_a_model_of_other_encoders_is_refused(challenge, trained, tmp_path):
    with pytest.raises(UsageError, match="cannot be compared"):
        submit(tmp_path / "out", workspace=challenge, model=str(trained / "models" / "prototypes"))
    assert not (tmp_path / "out").exists()


def test_a_model_of_strangers_is_refused(challenge, tmp_path):
    Layout(tmp_path / "root", speakers=6).write()
    import_features(tmp_path / "root", workspace=tmp_path / "more")
    train(tmp_path / "more", languages=("English",), options=QUICK)
    with pytest.raises(UsageError, match="id0005"):
        submit(
            tmp_path / "out", workspace=challenge, model=str(tmp_path / "more/models/prototypes")
        )


def test_what_was_not_imported_is_named(challenge, tmp_path):
    with pytest.raises(UsageError, match="val"):
        submit(tmp_path, workspace=challenge, split="val")
    with pytest.raises(MissingError, match="polysim import"):
        statistics(tmp_path)
    with pytest.raises(UsageError, match="single"):
        submit(tmp_path, mode="sinlge", workspace=challenge)


def test_another_version_needs_another_workspace(challenge, tmp_path):
    Layout(tmp_path, version="v2", languages=("English", "Hindi")).write()
    before = len(FeatureTable(challenge / "features"))
    with pytest.raises(UsageError, match="another workspace"):
        import_features(tmp_path, "v2", challenge)
    assert len(FeatureTable(challenge / "features")) == before


def test_every_model_type_trains_by_the_same_call(challenge):
    tiny = {"epochs": 2, "steps": None, "threads": 1, "dim": 16, "tokens": 2, "ffn": 16}
    made = {
        "prototypes": QUICK,
        "mraf": TrainOptions(**tiny),
        "fop": FOPOptions(unwatched_epochs=2, epochs=2, threads=1),
    }
    assert set(made) == set(MODEL_TYPES)
    for model_type, options in made.items():
        name = f"my-{model_type}"
        report = train(challenge, name=name, languages=("English",), options=options)
        assert report.model == name and evaluate(challenge, model=name).settings["P5"].n == 36
        assert submit(challenge / name, workspace=challenge, model=name).samples["Urdu"] == 8


def test_the_index_speaks_of_both_languages(challenge):
    index = read_index(challenge / "features")
    assert index.languages == ("English", "Urdu") and json.dumps(dict(index.labels))


def test_labelled_test_samples_train_nothing(tmp_path):
    from mraf.pipeline.polysim.protocol import material
    from mraf.pipeline.workspace import Workspace

    layout = Layout(tmp_path / "root", speakers=4, videos=2, clips=2, tests=8).write()
    for language in ("English", "Urdu"):
        rows = layout.rows("test", language)
        cells = [[f"id{n % 4 + 1:04}", n % 4, *row.values()] for n, row in enumerate(rows)]
        layout.write_csv("test", language, ["identity", "label", *rows[0]], cells)
    import_features(tmp_path / "root", workspace=tmp_path)
    clips = material(Workspace(tmp_path), "English")
    assert len(clips.train) == len(clips.other) == 16
    report = train(tmp_path, languages=("English",), options=QUICK)
    assert report.samples == report.cross_validated == 16
    # They are recordings that did not train, and may be measured on, beside those that did.
    found = evaluate(tmp_path)
    assert (found.settings["P3"].n, found.out_of_fold) == (24, 16)
    assert evaluate(tmp_path, mode="setting").settings["P3"].n == 8


def test_a_model_of_other_people_of_the_same_names_is_refused(challenge, tmp_path):
    table = FeatureTable(tmp_path / "features")
    with table.writer() as writer:
        for row in FeatureTable(challenge / "features").rows():
            if row.speaker:
                made = replace(Fingerprint.from_json(row.extractor), polysim=None)
                writer.add(replace(row, extractor=made.to_json()))
    train(tmp_path, languages=("English",), options=QUICK)
    with pytest.raises(UsageError, match="somebody else"):
        submit(tmp_path / "out", workspace=challenge, model=str(tmp_path / "models" / "prototypes"))


def test_a_missing_voice_is_counted_where_nothing_else_is_shown(tmp_path):
    layout = Layout(tmp_path / "root", speakers=4, tests=4).write()
    np.save(layout.feature("test", "Urdu", 3), np.zeros(192))
    import_features(tmp_path / "root", workspace=tmp_path)
    train(tmp_path, languages=("English",), options=QUICK)
    assert submit(tmp_path / "out", workspace=tmp_path).undecided == 1  # its P6
