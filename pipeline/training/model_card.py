"""The results of a training run: its report, and the model card, a page in the model folder."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from mraf.fingerprint import Fingerprint
from mraf.model_types import MODEL_TYPES
from mraf.pipeline.people.enrolment.card import LIMITS

TITLES = {"face_voice": "Face and voice", "voice": "Voice only", "face": "Face only"}

FEW = 20
"""The number of speakers under which the decision about strangers rests on the prior more than on them."""


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """The result of a training run."""

    model: str
    folder: Path
    speakers: int
    samples: int  # clips that train
    heldout: int  # clips that do not train and only measure
    cross_validated: int  # clips that train, and were answered by models that did not train on them
    folds_by: str  # "recording", or "clip": the part that those models did not train on
    epoch: int | None  # the epoch that was best; None where none was chosen
    seconds: float
    dev: dict[str, float]  # accuracies and loss on the held-out clips; empty where there is none
    cross_validation: dict[str, float]  # accuracies and loss on the cross-validated clips; likewise
    # Calibration error on the held-out clips, `before` and `after` the temperature; or `after` on the
    # cross-validated clips.
    calibration: dict[str, float]
    # How known people and strangers fare, see `mraf.recognition.rates.report`; empty where the model does
    # not know strangers.
    recognition: dict[str, Any]
    learned: dict[str, float]  # numbers that say how the model weighs face and voice, by name
    notes: tuple[str, ...]
    enrolled: int = 0  # people who were enrolled into the model by clips that did not train


def model_card(
    report: TrainReport, *, model_type: str, meta: dict[str, Any], speakers: tuple[str, ...]
) -> str:
    """Fill the template `model_card.md`; returns Markdown."""
    template = Template(
        files("mraf.pipeline.training").joinpath("model_card.md").read_text(encoding="utf-8")
    )
    fingerprint = Fingerprint.from_dict(meta["fingerprint"])
    shown = ", ".join(speakers[:40]) + (", ..." if len(speakers) > 40 else "")
    return template.substitute(
        name=report.model,
        version=meta["mraf"],
        title=MODEL_TYPES[model_type].title,
        model_type=model_type,
        preset=f"preset `{meta['preset']}`" if meta["preset"] else "options of its own",
        seed=meta["options"]["seed"],
        epoch=f", epoch {report.epoch} chosen" if report.epoch else "",
        speakers=report.speakers,
        names=shown,
        samples=f"{report.samples:,}",
        languages=", ".join(name or "an unnamed language" for name in meta["languages"]),
        encoders=fingerprint.encoders,
        vectors=_vectors(fingerprint),
        figures=_figures(report, by_clip=meta["heldout_by"] == "clip"),
        strangers=_strangers(report.recognition),
        limits=LIMITS,
        notes="\n".join(f"- {note}" for note in report.notes),
    )


def _vectors(made: Fingerprint) -> str:
    """Return where the vectors that trained the model come from."""
    if made.frames is None or made.seconds is None:
        source = f"POLY-SIM {made.polysim}" if made.polysim else "others"
        return f"published by {source}; how they were extracted is not known"
    return f"extracted by mraf from {made.frames} frames and up to {made.seconds:g} s of each clip"


def _figures(report: TrainReport, *, by_clip: bool) -> str:
    """Return the tables of accuracies; `by_clip` says that single clips were held out."""
    held_out = (
        "held-out clips, while others of their recordings trained"
        if by_clip
        else "clips of recordings that did not train"
    )
    tables = [
        (report.dev, f"Top-1 accuracy on {report.heldout:,} {held_out}:"),
        (
            report.cross_validation,
            f"Top-1 accuracy by cross-validation over {report.folds_by}s: each of "
            f"{report.cross_validated:,} training clips, answered by a model that had not trained on "
            f"{'it' if report.folds_by == 'clip' else 'its recording'}:",
        ),
    ]
    shown = [_table(figures, title) for figures, title in tables if figures]
    return "\n\n".join(shown) or "Nothing could be held out, so it has not been measured."


def _strangers(recognition: dict[str, Any]) -> str:
    """Return what is promised about people whom the model does not know, and on what it rests."""
    if not recognition:
        return (
            "This model has not learned to tell strangers: no clip could be held out, so a stranger gets one "
            "of the names above too."
        )
    measured = {key: recognition[key] for key in TITLES if "strangers" in recognition[key]}
    promise = (
        f"It answers `unknown` where the probability `known` that the person is enrolled, at even odds, is "
        f"below a threshold. The threshold is set so that at most {recognition['false_names']:.2%} of "
        "strangers' clips get a name."
    )
    if not measured:
        return (
            f"{promise} No clip could be held out to measure that: it rests on cosines of the encoders that were "
            "measured on other people (`mraf.recognition.priors`), or is a guess where the encoder is another one."
        )
    number = max(each["strangers"]["speakers"] for each in measured.values())
    rests = (
        f"Measured with strangers made of the training clips ({recognition['by']}), {number} in all; "
        "each was answered with a threshold from the others:"
    )
    few = (
        "\n\nSo few speakers say little: the decision rests mostly on a prior from the encoders "
        "(`mraf.recognition.priors`), and the figures on luck."
        if number < FEW
        else ""
    )
    weaker = (
        "\n\nThose speakers had trained the model, so real strangers may get names more often."
        if recognition["by"] != "speakers left out"
        else ""
    )
    rows = [_row(TITLES[key], each) for key, each in measured.items()]
    head = "| Seen and heard | Known: right | wrong | unknown | Strangers named | Threshold |"
    table = "\n".join([head, "|---|---|---|---|---|---|", *rows])
    return f"{promise} {rests}\n\n{table}{few}{weaker}"


def _row(title: str, rates: dict[str, Any]) -> str:
    known, strangers = rates.get("known"), rates["strangers"]
    shares = [f"{known[k]:.3f}" if known else "-" for k in ("right", "wrong", "unknown")]
    named = f"{strangers['named']:.3f} ± {strangers['error']:.3f}"
    return f"| {title} | {' | '.join(shares)} | {named} | {rates['threshold']:.3f} |"


def _table(figures: dict[str, float], title: str) -> str:
    rows = [f"| {name} | {figures[key]:.3f} |" for key, name in TITLES.items() if key in figures]
    return "\n".join([title, "", "| Seen and heard | Accuracy |", "|---|---|", *rows])
