"""The paper's ablations on the development protocol: its Tables 3 and 4 and its Figure 3."""

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mraf.errors import UsageError, choices
from mraf.options import TrainOptions
from mraf.prototypical_options import PrototypicalOptions
from pipeline.development import Score, Spec, develop
from pipeline.train import Options
from pipeline.workspace import Workspace

SETTINGS = ("P3", "P4", "P5", "P6", "mean")

EXTRA = ["loss P3", "loss P4", "P3, 20 % wrong faces", "P5, 20 % wrong faces"]
"""Cross-entropy, and accuracy with every fifth face another speaker's."""

PAPER: dict[str, dict[str, tuple[float, ...]]] = {
    # Table 3 and Table 4 of the paper: official test set, refined across settings. Figure 3 gives
    # no numbers.
    "fusion": {
        "linear": (0.8974, 0.9020, 0.8349, 0.8429, 0.8693),
        "gated": (0.8679, 0.8527, 0.8681, 0.8644, 0.8633),
        "lstm": (0.9987, 0.9882, 0.9975, 0.9895, 0.9935),
        "cross_attention": (1.0000, 0.9895, 1.0000, 0.9932, 0.9957),
    },
    "missing": {
        "zero": (0.9993, 0.9882, 0.9982, 0.9901, 0.9940),
        "completion": (0.9993, 0.9895, 0.9975, 0.9895, 0.9940),
        "memory": (0.9993, 0.9895, 0.9982, 0.9914, 0.9946),
        "learned": (1.0000, 0.9895, 1.0000, 0.9932, 0.9957),
    },
    "ratio": {},
    "default": {},
}

_CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "fusion": {name: {"fusion": name} for name in PAPER["fusion"]},
    "missing": {name: {"missing_token": name} for name in PAPER["missing"]},
    "ratio": {
        f"p_a = {share:.1f}": {"p_a": share, "p_av": 1 - share}
        for share in (0.0, 0.2, 0.5, 0.8, 1.0)
    },
    "default": {
        "default": {},
        "without centring": {"centre": False},
        "without whitening": {"voice_shrinkage": 1.0},
        "without the learned metric": {"steps": 0},
        "without the prototypes' bias": {"bias": 0.0},
        "reliability 1 for all": {"power": 0.0, "candidates": 0},
        "reliability from the best score only": {"candidates": 0},
        "without cross-attention": {"attention": False},
        "missing token of zeros": {"missing_token": "zero"},
    },
}

TITLES = {
    "fusion": "Fusion of face and voice",
    "missing": "What stands for a missing face",
    "ratio": "Share of training clips shown without the face",
    "default": "What the parts of the default are worth",
}


@dataclass(frozen=True)
class Ablation:
    """One table, and the files it was written to."""

    title: str
    scores: list[Score]  # mode `single`
    paper: Mapping[str, tuple[float, ...]]  # P3 to P6 and mean, by name; may be empty
    extras: bool  # whether the figures of `EXTRA` belong to it
    files: tuple[Path, ...]


def ablate(
    what: str,
    workspace: Workspace | Path | str | None = None,
    seeds: int = 3,
    folds: int = 5,
    changes: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Ablation:
    """Run one of the paper's ablations and write `reports/ablation-<what>.csv`, `.md` and plot.

    Args:
        what: "fusion" (Table 3), "missing" (Table 4), "ratio" (Figure 3), of the preset `paper`; or
            "default", of ours.
        workspace: with the features, as `mraf polysim import` makes it.
        seeds: how many.
        folds: of the cross-validation.
        changes: other training options than the preset's, such as `dim` or `epochs`.
        workers: processes, each with one thread; by default one a core.
        progress: called with the number of fits done and of all.

    Raises:
        MissingError: there are no features.
        UsageError: there is no such ablation.

    """
    if what not in _CHANGES:
        raise UsageError(f"There is no ablation '{what}' {choices(what, _CHANGES)}")
    workspace = Workspace.at(workspace)
    specs = [
        Spec(name, _options(what, {**(changes or {}), **each}))
        for name, each in _CHANGES[what].items()
    ]
    scores = develop(
        specs, workspace, seeds, folds, workers=workers, modes=("single",), progress=progress
    )
    files = _write(workspace.reports, what, scores)
    return Ablation(TITLES[what], scores, PAPER[what], what == "default", files)


def _options(what: str, changes: Mapping[str, Any]) -> Options:
    try:
        return (
            PrototypicalOptions(**changes) if what == "default" else TrainOptions.paper(**changes)
        )
    except TypeError as error:
        raise UsageError(f"training: {error}") from error


def markdown(
    title: str,
    scores: Sequence[Score],
    paper: Mapping[str, tuple[float, ...]] | None = None,
    extras: bool = False,
) -> str:
    """A table in Markdown: mean and standard deviation over seeds, the paper's figures beside.

    With `extras` the figures of `EXTRA` too.
    """
    paper = paper or {}
    columns = ["", *SETTINGS, *(f"{name} (paper)" for name in SETTINGS if paper)]
    columns += EXTRA if extras else []
    lines = [
        f"### {title}",
        "",
        f"Mode {scores[0].mode}, mean ± standard deviation over {scores[0].seeds} seeds.",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
    ]
    for score in scores:
        ours = [f"{score.accuracy[s]:.4f} ± {score.deviation[s]:.4f}" for s in SETTINGS]
        theirs = [f"{value:.4f}" for value in paper.get(score.name, ())]
        more = [f"{value:.4f}" for value in extra(score)] if extras else []
        lines.append("| " + " | ".join([score.name, *ours, *theirs, *more]) + " |")
    return "\n".join(lines) + "\n"


def extra(score: Score) -> list[float]:
    """The figures that `EXTRA` names."""
    return [score.loss["P3"], score.loss["P4"], score.wrong_faces["P3"], score.wrong_faces["P5"]]


def _write(folder: Path, what: str, scores: list[Score]) -> tuple[Path, ...]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"ablation-{what}.csv", folder / f"ablation-{what}.md"]
        _write_csv(files[0], what, scores)
        text = markdown(TITLES[what], scores, PAPER[what], extras=what == "default")
        files[1].write_text(text, "utf-8")
        if what == "ratio":
            files.append(folder / "ablation-ratio.svg")
            _plot(files[2], scores)
    except OSError as error:
        raise UsageError(f"{folder}: the tables cannot be written ({error.strerror}).") from None
    return tuple(files)


def _write_csv(file: Path, what: str, scores: list[Score]) -> None:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["name", "mode", "seeds", "setting", "accuracy", "deviation", "paper"])
        for score in scores:
            paper = dict(zip(SETTINGS, PAPER[what].get(score.name, ()), strict=False))
            for s in SETTINGS:
                figures = [f"{score.accuracy[s]:.6f}", f"{score.deviation[s]:.6f}"]
                writer.writerow(
                    [score.name, score.mode, score.seeds, s, *figures, paper.get(s, "")]
                )


def _plot(file: Path, scores: list[Score]) -> None:
    """Figure 3: accuracy over p_a with the standard deviation over seeds, three panels."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "mraf"
    from matplotlib import pyplot

    share = [float(score.name.split("=")[1]) for score in scores]
    panels = (("P3", "P5"), ("P4", "P6"), ("mean",))
    titles = ("face and voice", "voice alone", "mean of the four")
    figure, axes = pyplot.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    for axis, names, title in zip(axes, panels, titles, strict=True):
        for name in names:
            mean = [score.accuracy[name] for score in scores]
            spread = [score.deviation[name] for score in scores]
            axis.errorbar(share, mean, spread, marker="o", capsize=3, label=name)
        axis.set(
            title=title, xlabel="p_a, share of clips shown without the face", ylabel="accuracy"
        )
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
