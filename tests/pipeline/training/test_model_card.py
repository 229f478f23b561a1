"""The model card, a page in the model folder."""

import json
import re

import pytest

from mraf.checkpoint import describe
from mraf.fop.options import FOPOptions
from mraf.model_types import MODEL_TYPES
from mraf.network.options import TrainOptions
from mraf.pipeline.training.train import train
from mraf.prototypes.options import PrototypeOptions
from tests.helpers.workspaces import filled, people

QUICK = {
    "prototypes": PrototypeOptions(steps=5, batch_size=16),
    "mraf": TrainOptions(dim=16, tokens=2, ffn=16, epochs=1, steps=None, threads=1),
    "fop": FOPOptions(dim=16, epochs=1, unwatched_epochs=1, threads=1),
}
SHOWN = {"face_voice": "Face and voice", "voice": "Voice only", "face": "Face only"}


def card_of(report) -> str:
    """The card, each paragraph one line."""
    text = (report.folder / "README.md").read_text("utf-8")
    assert "$" not in text
    return re.sub(r"(?<=[^\n|])\n(?=[^\n|#-])", " ", text)


def table(figures: dict[str, float]) -> str:
    rows = [f"| {title} | {figures[name]:.3f} |" for name, title in SHOWN.items()]
    return "\n".join(["| Seen and heard | Accuracy |", "|---|---|", *rows])


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_card_and_the_configuration_use_the_names_of_the_list(tmp_path, model_type):
    report = train(filled(tmp_path, people(languages=["English"])), options=QUICK[model_type])
    card, config = card_of(report), json.loads((report.folder / "config.json").read_text("utf-8"))
    assert config["model_type"] == report.model == model_type
    assert f"`--model-type {model_type}`, options of its own, seed 1" in card
    title = MODEL_TYPES[model_type].title
    assert f"| Model type | `{model_type}`, options of its own. {title} |" in card


def test_the_card_says_who_what_and_how(tmp_path):
    report = train(filled(tmp_path, people(), noise=3.0), preset="cosine", languages="English")
    card = card_of(report)
    assert card.startswith("# prototypes-cosine\n")
    assert "`--model-type prototypes`, preset `cosine`, seed 1)" in card
    assert "| Speakers | 4: s0, s1, s2, s3 |" in card
    assert "| Trained on | 24 clips in English |" in card
    assert "`face=dlib@0 voice=campplus@0`" in card
    assert describe(report.folder).meta["preset"] == "cosine"


def test_the_card_has_the_figures_of_the_cross_validation(tmp_path):
    workspace = filled(tmp_path, people(languages=["English"]), noise=3.0)
    report = train(workspace, options=QUICK["prototypes"])
    title = (
        "Top-1 accuracy by cross-validation over recordings: each of 24 training clips, answered by a "
        "model that had not trained on its recording:"
    )
    card = card_of(report)
    assert f"{title}\n\n{table(report.cross_validation)}" in card
    assert card.count("Top-1 accuracy") == 1
    both = train(workspace, holdout=0.25, options=QUICK["prototypes"])
    held_out = "Top-1 accuracy on 8 clips of recordings that did not train:"
    assert f"{held_out}\n\n{table(both.dev)}" in card_of(both)
    assert table(both.cross_validation) in card_of(both) and both.dev != both.cross_validation


def test_the_card_says_where_single_clips_were_dealt_or_nothing_was_measured(tmp_path):
    single = train(filled(tmp_path / "a", people(3, 1, 4, [None])), options=QUICK["prototypes"])
    assert "by cross-validation over clips: each of 12" in card_of(single)
    assert "by a model that had not trained on it:" in card_of(single)
    assert "12 clips in an unnamed language" in card_of(single)
    nothing = train(filled(tmp_path / "b", people(3, 1, 1)[::2]), options=QUICK["prototypes"])
    assert "Nothing could be held out, so it has not been measured." in card_of(nothing)
    held = train(tmp_path / "a", holdout=0.25, options=QUICK["prototypes"])
    assert "on 3 held-out clips, while others of their recordings trained:" in card_of(held)
    assert "of recordings that did not train" not in card_of(held)
    for report in (held, nothing):
        assert report.notes and all(f"- {note}" in card_of(report) for note in report.notes)


def test_a_network_has_its_epoch_and_many_speakers_are_not_all_named(tmp_path):
    report = train(filled(tmp_path, people(41, 2, 1, ["English"])), options=QUICK["fop"])
    assert "seed 1, epoch 1 chosen)" in card_of(report)
    assert "| Speakers | 41: s0, s1, s10," in card_of(report) and ", s8, ... |" in card_of(report)


def test_the_card_says_what_is_promised_about_strangers_and_what_is_not(tmp_path):
    report = train(filled(tmp_path, people()), options=QUICK["prototypes"], false_names=0.05)
    card = card_of(report)
    assert "at most 5.00% of strangers' clips get a name" in card
    measured = report.recognition["face_voice"]
    assert (
        f"| {measured['strangers']['named']:.3f} ± {measured['strangers']['error']:.3f} |" in card
    )
    assert "speakers left out" in card and "rests mostly on a prior" in card
    for exception in ("twins", "children", "photos", "cloned voices", "other encoders"):
        assert exception in card


def test_the_card_of_a_network_says_that_its_strangers_had_trained(tmp_path):
    card = card_of(train(filled(tmp_path, people()), options=QUICK["fop"]))
    assert "Those speakers had trained the model" in card


def test_the_card_says_that_nothing_was_measured(tmp_path):
    workspace = filled(tmp_path, people(speakers=2, recordings=1, clips=1, languages=["English"]))
    prototypes = card_of(train(workspace, options=QUICK["prototypes"]))
    assert "No clip could be held out to measure that" in prototypes or "luck" in prototypes
    network = train(workspace, options=QUICK["fop"])
    assert network.recognition == {}
    assert "has not learned to tell strangers" in card_of(network)
