"""The paper's ablations on the development protocol: its Tables 3 and 4 and its Figure 3."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mraf.data.table.export import safe_cell
from mraf.errors import UsageError, choices
from mraf.model_types import DEFAULT, changed, options_of, title_of
from mraf.pipeline.polysim.protocol import Score, Spec, develop
from mraf.pipeline.workspace import Workspace, write_text

COLUMNS = ("P3", "P4", "P5", "P6", "mean")
"""The settings of a table, and their mean."""

EXTRA = ["loss P3", "loss P4", "P3, 20 % wrong faces", "P5, 20 % wrong faces"]
"""Cross-entropy, and accuracy with every fifth face an impostor's."""

PAPER_MODE = "cross"
PAPER_NOTE = "Published figures are of the official test set in mode cross."

PAPER: dict[str, dict[str, tuple[float, ...]]] = {
    # Tables 3 and 4 of the paper: official test set, mode `cross`. Figure 3 gives no numbers.
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
    "prototypes": {},
}

_CHANGES: dict[str, dict[str, dict[str, Any]]] = {
    "fusion": {name: {"fusion": name} for name in PAPER["fusion"]},
    "missing": {name: {"missing_token": name} for name in PAPER["missing"]},
    "ratio": {
        f"p_a = {share:.1f}": {"p_a": share, "p_av": 1 - share}
        for share in (0.0, 0.2, 0.5, 0.8, 1.0)
    },
    "prototypes": {
        "prototypes": {},
        "without centring": {"centre": False},
        "without whitening": {"voice_shrinkage": 1.0},
        "without the learned metric": {"steps": 0},
        "without the hubness offset": {"hubness_offset": 0.0},
        "no wrong faces or voices allowed for": {"wrong_face": 0.0, "wrong_voice": 0.0},
        "without sharpening": {"sharpness": 0.0},
        "a voice as certain as alone": {"voice_softening": 1.0},
        "weighted mean of cosines": {"fusion": "mean"},
    },
}

TITLES = {
    "fusion": "Fusion of face and voice",
    "missing": "Token of a missing face",
    "ratio": "Share of training clips without the face",
    "prototypes": "Contribution of the parts of prototypes",
}


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """One table, and its files."""

    title: str
    conditions: str  # the preset and the changed options
    scores: list[Score]  # mode `single`
    paper: Mapping[str, tuple[float, ...]]  # P3 to P6 and mean, by name; may be empty
    extras: bool  # True: with the figures of `EXTRA`
    files: tuple[Path, ...] = ()


def ablate(
    what: str,
    workspace: Workspace | Path | str | None = None,
    *,
    seeds: int = 3,
    folds: int = 5,
    changes: Mapping[str, Any] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Ablation:
    """Run an ablation and write `reports/ablation-<what>.csv`, `.md` and, of the ratio, a plot.

    Args:
        what: "fusion" (Table 3), "missing" (Table 4) or "ratio" (Figure 3), of `mraf` as in the
            paper; or "prototypes", of the default.
        workspace: with the features, as `mraf polysim import` makes it.
        seeds: the number of seeds.
        folds: the number of folds of the cross-validation.
        changes: training options that differ from the preset's, such as `dim` or `epochs`. The tables
            and the names of the files show them.
        workers: processes, each with one thread; by default one for each core.
        progress: called with the number of fits done and of all.

    Raises:
        MissingError: there are no features.
        UsageError: there is no such ablation or option.
    """
    if what not in _CHANGES:
        raise UsageError(f"There is no ablation '{what}' {choices(what, _CHANGES)}")
    changes = changes or {}
    title = DEFAULT if what == DEFAULT else title_of("mraf", "paper")
    varied = {name for each in _CHANGES[what].values() for name in each}
    if varied & changes.keys():
        raise UsageError(
            f"'{min(varied & changes.keys())}' cannot be changed: this ablation varies it."
        )
    base = options_of() if what == DEFAULT else options_of("mraf", "paper")
    base = changed(base, changes)
    specs = [Spec(name, changed(base, each)) for name, each in _CHANGES[what].items()]
    workspace = Workspace.at(workspace)
    scores = develop(
        specs,
        workspace,
        seeds=seeds,
        folds=folds,
        workers=workers,
        modes=("single",),
        progress=progress,
    )
    conditions = f"`{title}`" + "".join(f", {k} = {v}" for k, v in changes.items())
    result = Ablation(
        title=TITLES[what],
        conditions=conditions,
        scores=scores,
        paper=PAPER[what],
        extras=what == DEFAULT,
    )
    name = "-".join([f"ablation-{what}", *(f"{k}={v}" for k, v in changes.items())])
    return replace(result, files=_write(workspace.reports / name, result, plot=what == "ratio"))


def markdown(result: Ablation) -> str:
    """Return a Markdown table: mean and standard deviation over seeds, and the paper's figures."""
    columns = ["", *COLUMNS]
    columns += [f"{name}, published ({PAPER_MODE})" for name in COLUMNS if result.paper]
    columns += EXTRA if result.extras else []
    first = result.scores[0]
    lines = [
        f"### {result.title}",
        "",
        f"{result.conditions}. Mode {first.mode}, development protocol, mean ± standard deviation "
        f"over {first.seeds} seeds." + (f" {PAPER_NOTE}" if result.paper else ""),
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
    ]
    for score in result.scores:
        ours = [f"{figure(score, s)} ± {figure(score, s, deviation=True)}" for s in COLUMNS]
        theirs = [f"{value:.4f}" for value in result.paper.get(score.name, ())]
        more = extra(score) if result.extras else []
        lines.append("| " + " | ".join([score.name, *ours, *theirs, *more]) + " |")
    return "\n".join(lines) + "\n"


def figure(score: Score, setting: str, *, deviation: bool = False) -> str:
    """Return a mean over seeds, or its standard deviation, as text; "-" where there is none."""
    value = (score.deviation if deviation else score.accuracy)[setting]
    return "-" if value is None else f"{value:.4f}"


def extra(score: Score) -> list[str]:
    """Return the figures that `EXTRA` names, as text."""
    values = [score.loss.get(s) for s in ("P3", "P4")]
    values += [score.wrong_faces.get(s) for s in ("P3", "P5")]
    return ["-" if value is None else f"{value:.4f}" for value in values]


def _write(base: Path, result: Ablation, *, plot: bool) -> tuple[Path, ...]:
    texts = {".csv": _csv(result), ".md": markdown(result)}
    texts |= {".svg": _plot(result)} if plot else {}
    files = {base.with_name(base.name + suffix): text for suffix, text in texts.items()}
    try:
        for file, text in files.items():
            write_text(file, text)
    except OSError as error:
        raise UsageError(f"{base.parent}: cannot be written ({error.strerror}).") from None
    return tuple(files)


def _csv(result: Ablation) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        "name conditions mode seeds setting accuracy deviation published published_mode".split()
    )
    for score in result.scores:
        published = dict(zip(COLUMNS, result.paper.get(score.name, ()), strict=False))
        for s in COLUMNS:
            cells = [safe_cell(score.name), safe_cell(result.conditions)]
            cells += [score.mode, score.seeds, s]
            cells += [figure(score, s), figure(score, s, deviation=True), published.get(s, "")]
            writer.writerow([*cells, PAPER_MODE if s in published else ""])
    return out.getvalue()


def _plot(result: Ablation) -> str:
    """Return Figure 3 as SVG: accuracy over p_a with its deviation over seeds, in three panels."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "mraf", "svg.fonttype": "none"}
    from matplotlib import pyplot

    scores = result.scores
    share = [float(score.name.split("=")[1]) for score in scores]
    panels = (("P3", "P5"), ("P4", "P6"), ("mean",))
    titles = ("face and voice", "voice alone", "mean of the four")
    drawing, axes = pyplot.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    for axis, names, title in zip(axes, panels, titles, strict=True):
        for name in names:
            mean = [float("nan") if (v := each.accuracy[name]) is None else v for each in scores]
            spread = [each.deviation[name] or 0.0 for each in scores]
            axis.errorbar(share, mean, spread, marker="o", capsize=3, label=name)
        axis.set(title=title, xlabel="p_a, share of clips without the face", ylabel="accuracy")
        axis.grid(alpha=0.3)
        axis.legend()
    drawing.suptitle(
        f"{result.conditions.replace('`', '')}; mode {scores[0].mode}, {scores[0].seeds} seeds"
    )
    out = io.StringIO()
    drawing.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(drawing)
    return out.getvalue()
