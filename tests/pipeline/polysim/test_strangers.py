"""How well models tell strangers: figures, the baseline, the file."""

import csv

import numpy as np
import pytest

from mraf.errors import UsageError
from mraf.pipeline.polysim import strangers as module
from mraf.pipeline.polysim.draws import Clips
from mraf.pipeline.polysim.protocol import Spec
from mraf.pipeline.polysim.strangers import (
    BASELINE,
    DECIDED,
    RATES,
    figures_of,
    measure_strangers,
)
from mraf.pipeline.workspace import Workspace
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.workspaces import filled, people

QUICK = Spec("ours", PrototypeOptions(steps=5, batch_size=16))


@pytest.fixture
def workspace(tmp_path):
    """Eight people, of whom some clips are hard."""
    return filled(tmp_path / "w", people(8), noise=2.0, faceless=(0, 6), voiceless=(1, 7))


def test_every_model_and_the_baseline_have_figures_for_all_that_is_seen_and_heard(workspace):
    at = []
    report = measure_strangers(
        [QUICK], workspace, strangers=3, draws=2, workers=0, progress=lambda *step: at.append(step)
    )
    assert at == [(n, 4) for n in range(5)]
    assert (report.strangers, report.known) == (3, 5)
    assert [(s.name, s.language, s.modalities) for s in report.scores] == [
        (name, language, some)
        for name in (BASELINE, "ours")
        for language in ("English", "Urdu")
        for some in ("face_voice", "voice", "face")
    ]
    for score in report.scores:
        assert score.draws == 2
        assert set(score.mean) == {*RATES, *(DECIDED if score.name == "ours" else ())}
        assert score.mean["identified at 1 %"] <= score.mean["identified at 5 %"]
        if score.name == "ours":
            shares = [score.mean[each] for each in ("right", "wrong", "unknown")]
            assert sum(shares) == pytest.approx(1)
    urdu = next(s for s in report.scores if s.language == "Urdu" and s.modalities == "voice")
    # Of 48 clips, one has no voice; both numbers are rounded means of two draws.
    assert urdu.known_clips + urdu.stranger_clips == pytest.approx(47, abs=1)


def test_the_file_has_a_line_for_each_figure(workspace):
    report = measure_strangers([QUICK], workspace, strangers=3, draws=1, workers=0)
    (file,) = report.files
    assert file == workspace / "reports" / "strangers-3.csv"
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == sum(len(score.mean) for score in report.scores)
    first = report.scores[0]
    assert float(rows[0]["mean"]) == pytest.approx(first.mean[rows[0]["figure"]], abs=1e-4)
    assert rows[0]["trained_on"] == "English" and rows[0]["strangers"] == "3"


def test_the_same_in_workers_as_in_this_process(workspace):
    here, there = (
        measure_strangers([QUICK], workspace, strangers=3, draws=1, workers=workers).scores
        for workers in (0, 2)
    )
    assert here == there


def test_the_baseline_is_the_margin_of_cosines_to_class_means(workspace):
    drawn = Clips.of(Workspace(workspace), "English").draw(3, seed=0)
    known, strange = drawn.tests["Urdu"]

    def unit(x):
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def cosines(clips, which):
        means = []
        for person in range(drawn.classes):
            own = (drawn.train.label == person) & getattr(drawn.train, f"{which}_present")
            vectors, recording = unit(getattr(drawn.train, which)[own]), drawn.train.recording[own]
            each = [unit(vectors[recording == r].mean(axis=0)) for r in np.unique(recording)]
            means.append(unit(np.mean(each, axis=0)))
        return unit(getattr(clips, which)) @ np.stack(means).T

    def scored(clips):
        clips = clips.take(clips.face_present & clips.voice_present)
        total = cosines(clips, "face") + 0.6 * cosines(clips, "voice")
        top = np.sort(total, axis=1)[:, ::-1]
        return total.argmax(axis=1) == clips.label, 2 * top[:, 0] - top[:, 1]

    (right, score), (_, other) = scored(known), scored(strange)
    allowed = np.sort(other)[::-1][int(0.05 * len(other))]
    expected = (right & (score > allowed)).mean()
    found = figures_of(drawn, None, 0)["Urdu"]["face_voice"]
    assert found["identified at 5 %"] == pytest.approx(expected)
    assert 0 < expected < 1


def test_a_model_without_the_decision_is_measured_by_its_probability(workspace, monkeypatch):
    from mraf.inference import prediction

    real = prediction.predict

    def unfitted(model, clips):
        model.recogniser.fitted.fill_(False)
        return real(model, clips)

    monkeypatch.setattr(prediction, "predict", unfitted)
    drawn = Clips.of(Workspace(workspace), "English").draw(3, seed=0)
    found = figures_of(drawn, QUICK, 0)["Urdu"]["voice"]
    assert set(found) == {*RATES, "known clips", "stranger clips"}


def test_what_cannot_be_measured_is_told(workspace):
    with pytest.raises(UsageError, match="from 1 to 6 of them"):
        measure_strangers([QUICK], workspace, strangers=7, workers=0)
    with pytest.raises(UsageError, match="At least 1 draw"):
        measure_strangers([QUICK], workspace, draws=0)
    (workspace / "reports").write_text("a file")
    with pytest.raises(UsageError, match="strangers-3.csv: cannot be written"):
        measure_strangers([], workspace, strangers=3, draws=1, workers=0)


def test_the_error_of_a_spec_says_which(workspace, monkeypatch):
    def fails(*_):
        raise UsageError("no such thing")

    monkeypatch.setattr(module, "figures_of", fails)
    with pytest.raises(UsageError, match="plain prototypes, margin: no such thing"):
        measure_strangers([QUICK], workspace, strangers=3, draws=1, workers=0)
