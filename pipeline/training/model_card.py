"""The model card: a page in every model folder that describes the model."""

from importlib.resources import files
from string import Template
from typing import Any

from mraf.fingerprint import Fingerprint
from mraf.pipeline.training.report import TrainReport

ARCHITECTURES = {
    "mraf": "MRAF: missing-token prompted, reliability-aware fusion of face and voice",
    "fop": "FOP, the baseline of POLY-SIM 2026: two branches, one head",
    "prototype": "cosine to one prototype a speaker; nothing is learned",
}
TITLES = {"face_voice": "Face and voice", "voice": "Voice only", "face": "Face only"}


def model_card(report: TrainReport, meta: dict[str, Any], speakers: tuple[str, ...]) -> str:
    """Fill the template `model_card.md`; returns Markdown."""
    template = Template(
        files("mraf.pipeline.training").joinpath("model_card.md").read_text(encoding="utf-8")
    )
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
        encoders=Fingerprint.from_dict(meta["fingerprint"]).encoders,
        figures=_figures(report),
        notes="\n".join(f"- {note}" for note in report.notes),
    )


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
