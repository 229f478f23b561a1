"""Evaluation: which clips are measured, and whose answers count."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mraf import Workspace
from mraf.checkpoint import describe, load, load_trained
from mraf.errors import MissingError, UsageError
from mraf.inference.prediction import predict
from mraf.network.options import TrainOptions
from mraf.pipeline.evaluation import SETTINGS, EvaluateReport, Setting, evaluate
from mraf.pipeline.modes import MODES
from mraf.pipeline.training.split import to_features
from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.workspaces import filled, people

QUICK = PrototypeOptions(steps=5, batch_size=16)
TINY = TrainOptions(dim=16, tokens=2, ffn=16, epochs=1, steps=None, threads=1)
NOTHING = Setting(None, 0)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Four speakers, three recordings of two clips in English and as many in Urdu.

    One clip in each language has no face, and one no voice; some answers are wrong.
    """
    return filled(tmp_path / "w", people(), noise=3.0, faceless=(0, 6), voiceless=(1, 7))


def relabel(workspace: Path, choose=lambda row: True, **columns):
    """Put rows of the table under other labels, as a run over renamed folders does."""
    table = Workspace.at(workspace).table
    rows = [row for row in table.rows() if choose(row)]
    with table.writer() as writer:
        for row in rows:
            changed = {name: change(getattr(row, name)) for name, change in columns.items()}
            writer.add(replace(row, clip=f"x/{row.clip}", replaces=row.clip, **changed))


def counts(report: EvaluateReport) -> dict[str, int]:
    return {name: setting.n for name, setting in report.settings.items()}


def test_clips_of_other_speakers_only_are_named(workspace):
    train(workspace, languages="English", options=QUICK)
    # Other content than that of the clips that trained.
    relabel(workspace, speaker=lambda name: f"new {name}", source_hash=lambda it: f"new {it}")
    with pytest.raises(MissingError, match="'new s0' is not among its 4, .* 's0'"):
        evaluate(workspace)


def kept(workspace: Path) -> dict[str, tuple[str | None, ...]]:
    """The names that training kept from its cross-validation, by digest and by `MODALITIES`."""
    described = describe(Workspace.at(workspace).model())
    found = load_trained(described).out_of_fold
    names = (*described.labels, None)  # -1 is none
    return {digest: tuple(names[i] for i in who) for digest, (who, _) in found.items()}


def right(workspace: Path, column: int) -> list[bool]:
    """For each clip in English that has an answer, True where it is the speaker."""
    answers = kept(workspace)
    return [
        answer == row.speaker
        for row in Workspace.at(workspace).table.rows()
        if row.language == "English"
        and (answer := answers.get(row.source_hash, (None,) * 3)[column])
    ]


def test_each_setting_counts_the_clips_that_have_what_it_shows(workspace):
    train(workspace, languages="English", options=QUICK)
    report = evaluate(workspace)
    assert counts(report) == {"P3": 22, "P4": 23, "P5": 22, "P6": 23}
    assert (report.train_languages, report.other_languages) == (("English",), ("Urdu",))
    assert (report.out_of_fold, report.held_out, report.unknown_speakers) == (24, 0, 0)
    assert report.notes == ()
    assert report.mean == pytest.approx(np.mean([s.accuracy for s in report.settings.values()]))
    assert {name: each.n for name, each in report.more.items()} == {
        "as they come": 48,
        "face only": 46,
    }


def test_clips_that_trained_have_the_answers_out_of_fold(workspace):
    trained = train(workspace, languages="English", options=QUICK)
    report = evaluate(workspace)
    for column, (setting, name) in enumerate((("P3", "face_voice"), ("P4", "voice"))):
        found = right(workspace, column)
        assert report.settings[setting] == Setting(pytest.approx(np.mean(found)), len(found))
        assert report.settings[setting].accuracy == pytest.approx(trained.cross_validation[name])
    # The model itself knows them better: it trained on them.
    loaded, table = load(Workspace.at(workspace).model()), Workspace.at(workspace).table.arrays()
    english = np.array([language == "English" for language in table.language])
    clips = to_features(table, loaded.labels, (128, 192), english & table.voice_present)
    posterior = predict(loaded.model, clips.without_face()).probability
    own = (posterior.argmax(axis=1) == clips.label).mean()
    assert own > report.settings["P4"].accuracy > 0.3


def test_answers_of_the_model_and_those_out_of_fold_are_added_by_their_numbers(workspace):
    """A clip as it comes is answered by what it has."""
    train(workspace, languages="English", options=QUICK)
    report, answers = evaluate(workspace), kept(workspace)
    only_urdu = filled(workspace.with_name("u"), people(), noise=3.0, faceless=(6,), voiceless=(7,))
    relabel(
        only_urdu, lambda row: row.language == "English", source_hash=lambda digest: f"new {digest}"
    )
    model = str(Workspace.at(workspace).model())
    by_model = evaluate(only_urdu, model=model)  # English clips are of recordings that trained
    assert counts(by_model) == {"P3": 0, "P4": 0, "P5": 22, "P6": 23}
    come = 0
    for row in Workspace.at(workspace).table.rows():
        if row.language == "English":
            column = {(True, True): 0, (False, True): 1, (True, False): 2}[
                (row.face is not None, row.voice is not None)
            ]
            come += answers[row.source_hash][column] == row.speaker
    urdu = by_model.more["as they come"]
    assert report.more["as they come"].accuracy == pytest.approx(
        (come + urdu.accuracy * urdu.n) / 48
    )
    faces = right(workspace, 2)
    urdu = by_model.more["face only"]
    assert report.more["face only"].accuracy == pytest.approx(
        (sum(faces) + urdu.accuracy * urdu.n) / 46
    )


def test_a_network_answers_out_of_its_one_fold(workspace):
    trained = train(workspace, languages="English", options=TINY)
    report = evaluate(workspace)
    assert 0 < report.out_of_fold == trained.cross_validated < 24
    assert report.settings["P4"].n == len(right(workspace, 1)) < 23
    assert report.settings["P4"].accuracy == pytest.approx(np.mean(right(workspace, 1)))
    assert report.notes == trained.notes


def test_held_out_recordings_are_answered_by_the_model(workspace):
    report = train(workspace, languages="English", holdout=0.25, options=QUICK)
    found = evaluate(workspace)
    assert found.out_of_fold == report.cross_validated == 16 and found.held_out == 8
    assert counts(found) == {"P3": 22, "P4": 23, "P5": 22, "P6": 23}
    answers = right(workspace, 1)
    held_out = report.dev["voice"] * (23 - len(answers))
    expected = (sum(answers) + held_out) / 23
    assert found.settings["P4"].accuracy == pytest.approx(expected)


@pytest.mark.parametrize("mode", ["setting", "cross"])
def test_modes_of_many_clips_measure_no_clip_that_trained(workspace, mode):
    train(workspace, languages="English", options=QUICK)
    report = evaluate(workspace, mode=mode)
    assert counts(report) == {"P3": 0, "P4": 0, "P5": 22, "P6": 23} and not report.more
    assert report.notes[0].startswith(f"In mode {mode}, P3 and P4 are measured only on clips that")
    assert report.out_of_fold == 0 and report.mean is not None
    # Nothing is missing where some recordings were held out.
    train(workspace, languages="English", holdout=0.25, options=QUICK)
    report = evaluate(workspace, mode=mode)
    assert counts(report) == {"P3": 8, "P4": 8, "P5": 22, "P6": 23}
    assert report.notes == () and report.held_out == 8


def test_all_recordings_of_all_languages_can_be_measured_but_not_in_other_modes(workspace):
    train(workspace, options=QUICK)
    report = evaluate(workspace)
    assert counts(report) == {"P3": 44, "P4": 46, "P5": 0, "P6": 0}
    assert report.settings["P5"] == report.settings["P6"] == NOTHING
    assert report.mean == pytest.approx(
        (report.settings["P3"].accuracy + report.settings["P4"].accuracy) / 2
    )
    with pytest.raises(MissingError, match=r"mode cross needs clips that did not.*--holdout 0\.25"):
        evaluate(workspace, mode="cross")


def test_each_of_three_languages_has_its_figures(tmp_path):
    labels = people(languages=["English", "Urdu", None])
    workspace = filled(tmp_path, labels, noise=3.0)
    train(workspace, languages=["English", "Urdu"], options=QUICK)
    report = evaluate(workspace)
    names = ("English", "Urdu", "no language named")
    for name in names:
        assert (
            report.more[f"{name}, face and voice"].n == report.more[f"{name}, voice only"].n == 24
        )
    voices = right(workspace, 1)
    assert report.more["English, voice only"].accuracy == pytest.approx(np.mean(voices))
    # Clips without a language may be in English: they are in no setting, but as they come.
    assert report.settings["P5"] == report.settings["P6"] == NOTHING
    assert counts(report)["P4"] == 48 and report.other_languages == ()
    assert report.more["as they come"].n == 72
    unnamed = "Left out of P3 to P6: 24 clips without a language, as it may be one of training."
    assert report.notes == (unnamed,)
    # All of them may have trained.
    train(workspace, options=QUICK)
    every = evaluate(workspace)
    assert counts(every)["P4"] == 72 and every.notes == ()
    assert [every.more[f"{name}, voice only"].n for name in names] == [24] * 3
    total = sum(every.more[f"{name}, voice only"].accuracy for name in names)
    assert every.settings["P4"].accuracy == pytest.approx(total / 3)


def test_nothing_left_to_measure(tmp_path):
    workspace = filled(tmp_path, people(3, 1, 1, ["English"]))
    report = train(workspace, options=QUICK)
    assert not report.cross_validated
    with pytest.raises(MissingError, match="or its recording, trained this model, and none"):
        evaluate(workspace)


def test_renamed_clips_and_recordings_keep_their_answers(workspace):
    train(workspace, languages="English", options=QUICK)
    before = evaluate(workspace)
    relabel(workspace, recording=lambda name: f"new {name}")
    after = evaluate(workspace)
    assert all(row.clip.startswith("x/") for row in Workspace.at(workspace).table.rows())
    assert replace(after, seconds=before.seconds) == before and after.out_of_fold == 24


def test_an_answer_counts_against_the_name_that_the_clip_has_now(workspace):
    train(workspace, languages="English", options=QUICK)
    before = evaluate(workspace)
    answers = kept(workspace)
    row = next(
        row
        for row in Workspace.at(workspace).table.rows()
        if row.language == "English" and answers[row.source_hash][1] == row.speaker == "s0"
    )

    def rename(name: str) -> EvaluateReport:
        relabel(workspace, lambda each: each.source_hash == row.source_hash, speaker=lambda _: name)
        return evaluate(workspace)

    after, n = rename("s1"), before.settings["P4"].n
    assert counts(after) == counts(before)
    assert after.settings["P4"].accuracy == pytest.approx(before.settings["P4"].accuracy - 1 / n)
    # The model does not know this one, and no figure covers the clip.
    assert rename("a stranger").settings["P4"].n == n - 1


def test_a_wrong_answer_in_the_folder_makes_the_figure_worse(workspace):
    """`evaluate` reads the answers, it does not make them again."""
    from mraf import checkpoint

    report = train(workspace, languages="English", options=QUICK)
    before, answers = evaluate(workspace), kept(workspace)
    rows = [row for row in Workspace.at(workspace).table.rows() if row.language == "English"]
    row = next(row for row in rows if answers[row.source_hash][:2] == (row.speaker,) * 2)
    trained, loaded = load_trained(describe(report.folder)), load(report.folder)
    who, probability = trained.out_of_fold[row.source_hash]
    wrong = ((who[0] + 1) % 4, *who[1:])
    changed = {**trained.out_of_fold, row.source_hash: (wrong, probability)}
    checkpoint.save(report.folder, loaded, "", replace(trained, out_of_fold=changed))
    after = evaluate(workspace)
    n = before.settings["P3"].n
    assert after.settings["P3"].accuracy == pytest.approx(before.settings["P3"].accuracy - 1 / n)
    assert all(after.settings[name] == before.settings[name] for name in ("P4", "P5", "P6"))


@pytest.mark.parametrize("holdout", [0, 0.25])
def test_single_recordings_are_measured_by_clip_with_a_note(tmp_path, holdout):
    workspace = filled(tmp_path, people(3, 1, 4, ["English"]))
    report = train(workspace, holdout=holdout, options=QUICK)
    found = evaluate(workspace)
    assert (found.out_of_fold, counts(found)["P3"]) == (report.cross_validated, 12)
    assert report.heldout == 12 - report.cross_validated
    assert "single clips were held out" in found.notes[0]


def test_speakers_that_the_model_does_not_know_are_counted_and_left_out(workspace):
    train(workspace, languages="English", options=QUICK)
    before = evaluate(workspace)
    urdu_of_s3 = lambda row: row.language == "Urdu" and row.speaker == "s3"  # noqa: E731
    relabel(workspace, urdu_of_s3, speaker=lambda _: "a stranger")
    after = evaluate(workspace)
    assert after.unknown_speakers == 6
    assert counts(after) == {**counts(before), "P5": 16, "P6": 17}


def test_the_other_language_can_be_named(workspace):
    train(workspace, languages="english", options=QUICK)
    assert evaluate(workspace, other="urdu").settings["P5"].n == 22
    with pytest.raises(UsageError, match="No clip in the table is in 'Hindi'"):
        evaluate(workspace, other="Hindi")


def test_a_language_that_trained_is_no_other_language(workspace):
    train(workspace, languages="English", options=QUICK)
    with pytest.raises(
        UsageError, match=r"'English' is .* trained this model.*\(there are: Urdu\)"
    ):
        evaluate(workspace, other="English")
    train(workspace, options=QUICK)
    with pytest.raises(UsageError, match="'Urdu' is .* no other: train with --language"):
        evaluate(workspace, other="Urdu")


def test_clips_without_a_language_are_left_out_beside_those_of_another(tmp_path):
    workspace = filled(tmp_path, people(languages=["English", "Urdu", None]), noise=3.0)
    train(workspace, languages="English", options=QUICK)
    report = evaluate(workspace)
    assert counts(report) == dict.fromkeys(SETTINGS, 24)
    assert report.other_languages == ("Urdu",) and "24 clips without a lang" in report.notes[0]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("options", [QUICK, TINY])
def test_a_modality_that_the_model_has_not_learned_counts_no_answer_as_wrong(
    tmp_path, options, mode
):
    """Neither out of fold, in English, nor by the model, in Urdu."""
    # The clips in English have no voice. Of those in Urdu, one has a voice only, one a face only.
    english = [number for number in range(48) if number % 12 < 6]
    faces = filled(tmp_path / "f", people(), voiceless=[*english, 7], faceless=[6])
    train(faces, languages="English", options=options)
    report = evaluate(faces, mode=mode)
    assert set(report.settings.values()) == {NOTHING} and report.mean is None
    assert report.notes[0] == "The model has learned no voices: P3 to P6 cannot be measured."
    assert not any("--holdout" in note for note in report.notes)  # it would not help
    if mode == "single":
        urdu_and_english = 23 + report.out_of_fold
        assert report.more["as they come"].n == report.more["face only"].n == urdu_and_english
        assert options is TINY or report.more["face only"].accuracy > 0.5
    # The other way round.
    voices = filled(tmp_path / "v", people(), faceless=[*english, 7], voiceless=[6])
    train(voices, languages="English", options=options)
    report = evaluate(voices, mode=mode)
    assert report.settings["P3"] == report.settings["P5"] == NOTHING
    assert report.settings["P6"].n == 23 and (options is TINY or report.mean > 0.5)
    assert report.notes[0] == "The model has learned no faces: P3 and P5 cannot be measured."
    if mode == "single":
        assert report.more["as they come"].n == 23 + report.out_of_fold
        assert report.more["face only"] == NOTHING


def test_a_video_in_two_languages_is_left_out_of_the_other_one(workspace):
    """A recording of one speaker only, such as a video that its id names, is the same in Urdu."""
    relabel(
        workspace,
        lambda row: row.speaker == "s2" and row.recording == "v1",
        recording=lambda _: "id",
    )
    trained = train(workspace, languages="English", options=QUICK)
    report = evaluate(workspace)
    assert counts(report) == {"P3": 22, "P4": 23, "P5": 20, "P6": 21}
    left_out = (
        "Left out of P5 and P6: 2 clips of recordings that trained the model in another language."
    )
    assert report.notes == (left_out, *trained.notes)


def test_the_report_is_written_where_that_is_possible(workspace):
    train(workspace, languages="English", options=QUICK)
    report = evaluate(workspace, mode="setting")
    written = json.loads((workspace / "reports" / "prototypes-setting.json").read_text("utf-8"))
    assert written["settings"] == {
        name: {"accuracy": report.settings[name].accuracy, "n": report.settings[name].n}
        for name in SETTINGS
    }
    other = workspace.with_name("other")
    (workspace / "reports").rename(other)
    (workspace / "reports").write_text("in the way")
    assert counts(evaluate(workspace))["P3"] == 22


def test_seed_decides_the_model(workspace):
    seeds = {"a": 1, "b": 1, "c": 2}
    folders = [
        train(workspace, name=name, options=TINY, seed=s).folder for name, s in seeds.items()
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


def test_strangers_clips_are_named_or_not_by_the_model(workspace):
    train(workspace, languages="English", options=QUICK)
    urdu_of_s3 = lambda row: row.language == "Urdu" and row.speaker == "s3"  # noqa: E731
    relabel(workspace, urdu_of_s3, speaker=lambda _: "a stranger")
    report = evaluate(workspace)
    found = report.open_set["model"]
    assert list(found) == ["face_voice", "voice", "face"]
    assert {name: (each.known.clips, each.known.speakers) for name, each in found.items()} == {
        "face_voice": (16, 3),
        "voice": (17, 3),
        "face": (17, 3),
    }
    assert {(each.strangers.clips, each.strangers.speakers) for each in found.values()} == {(6, 1)}
    # s3 is known, and so are the answers: the clips differ only in the name in the table.
    names = [file.name for file in report.files]
    assert names == [f"prototypes-single-open-set.{suffix}" for suffix in ("csv", "svg")]
    assert all(file.is_file() for file in report.files)
    stored = json.loads((workspace / "reports" / "prototypes-single.json").read_text())
    assert stored["open_set"]["model"]["voice"]["strangers"]["clips"] == 6
    assert stored["files"] == [str(file) for file in report.files]


def test_without_new_strangers_the_figures_of_training_stand(workspace):
    from mraf import checkpoint

    folder = train(workspace, options=QUICK).folder
    known = {"right": 0.9, "wrong": 0.0, "unknown": 0.1, "clips": 20, "speakers": 4}
    values = {
        "threshold": 0.4,
        "known": known,
        "strangers": {"named": 0.05, "clips": 20, "speakers": 4},
        "curve": {"false_alarm": [0.0, 1.0], "identified": [0.5, 1.0]},
    }
    loaded = load(folder)
    metrics = {**loaded.metrics, "recognition": {"voice": values}}
    checkpoint.save(folder, replace(loaded, metrics=metrics), "", load_trained(describe(folder)))
    report = evaluate(workspace)
    assert list(report.open_set) == ["cross_validation"]
    assert report.open_set["cross_validation"]["voice"].strangers.named == 0.05
    assert len(report.files) == 2
