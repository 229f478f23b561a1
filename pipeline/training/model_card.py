"""The results of a training run: its report, and the model card, a page in the model folder."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from mraf.fingerprint import Fingerprint

ARCHITECTURES = {
    "mraf": "MRAF: missing-token prompted, reliability-aware fusion of face and voice",
    "fop": "FOP, the baseline of POLY-SIM 2026: two branches, one head",
    "prototype": "cosine to one prototype a speaker; nothing is learned",
}
TITLES = {"face_voice": "Face and voice", "voice": "Voice only", "face": "Face only"}


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """The result of a training run."""

    model: str
    folder: Path
    speakers: int
    samples: int  # clips that train
    heldout: int
    epoch: int | None  # the epoch whose weights were kept; None where there are no epochs
    seconds: float
    dev: dict[str, float]  # accuracies and loss on the held-out clips; empty where there is none
    calibration: dict[str, float]  # calibration error there, before and after the temperature
    notes: tuple[str, ...]


def model_card(report: TrainReport, meta: dict[str, Any], speakers: tuple[str, ...]) -> str:
    """Fill the template `model_card.md`; returns Markdown."""
    template = Template(
        files("mraf.pipeline.training").joinpath("model_card.md").read_text(encoding="utf-8")
    )
    fingerprint = Fingerprint.from_dict(meta["fingerprint"])
    shown = ", ".join(speakers[:40]) + (", ..." if len(speakers) > 40 else "")
    return template.substitute(
        name=report.model,
        version=meta["mraf"],
        architecture=ARCHITECTURES[meta["arch"]],
        preset=f"preset `{meta['preset']}`" if meta["preset"] else f"architecture `{meta['arch']}`",
        seed=meta["options"]["seed"],
        epoch=f", epoch {report.epoch} kept" if report.epoch else "",
        speakers=report.speakers,
        names=shown,
        samples=f"{report.samples:,}",
        languages=", ".join(name or "an unnamed language" for name in meta["languages"]),
        encoders=fingerprint.encoders,
        vectors=_vectors(fingerprint),
        figures=_figures(report),
        notes="\n".join(f"- {note}" for note in report.notes),
    )


def _vectors(made: Fingerprint) -> str:
    """Return where the vectors that trained the model come from."""
    if made.frames is None or made.seconds is None:
        source = f"POLY-SIM {made.polysim}" if made.polysim else "others"
        return f"published by {source}; how they were extracted is not known"
    return f"extracted by mraf from {made.frames} frames and up to {made.seconds:g} s of each clip"


def _figures(report: TrainReport) -> str:
    rows = [
        f"| {title} | {report.dev[key]:.3f} |" for key, title in TITLES.items() if key in report.dev
    ]
    if not rows:
        return "Nothing was held out, so it has not been measured."
    head = [
        f"Top-1 accuracy on {report.heldout} held-out clips"
        + (", which also chose the epoch:" if report.epoch else ":"),
        "",
        "| Seen and heard | Accuracy |",
        "|---|---|",
    ]
    return "\n".join(head + rows)
