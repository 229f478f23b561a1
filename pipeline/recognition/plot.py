"""The curve of the detection and identification rate over the false-alarm rate, as CSV and picture."""

import csv
import io
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mraf.errors import UsageError
from mraf.pipeline.recognition.rates import OpenSet
from mraf.pipeline.workspace import write_text

log = logging.getLogger("mraf")

SOURCES = {
    "model": "new clips, named by the model",
    "cross_validation": "training clips, speakers left out in turn",
}
"""Who answered, for people."""

LINES = {"face_voice": ("face + voice", "-"), "voice": ("voice", "--"), "face": ("face", ":")}
"""Label and dashes of the line of some modalities: they can be told apart without colours, too."""

LEAST = 1e-3
"""The least false-alarm rate that the picture shows."""

Found = Mapping[str, Mapping[str, OpenSet]]
"""By source and modalities."""


def write_curves(base: Path, title: str, found: Found) -> tuple[Path, ...]:
    """Write `<base>.csv` and `<base>.svg`; return the files, or none where there is no curve.

    A folder that cannot be written is told in the log, as the figures are shown all the same.
    """
    if not any(each.curve for some in found.values() for each in some.values()):
        return ()
    texts = {".csv": csv_of(found), ".svg": picture(title, found)}
    files = {base.with_name(base.name + suffix): text for suffix, text in texts.items()}
    try:
        for file, text in files.items():
            write_text(file, text)
    except OSError as error:
        log.warning("%s: the curve cannot be written (%s)", base.parent, error.strerror)
        return ()
    return tuple(files)


def csv_of(found: Found) -> str:
    """Return a line for each point of each curve.

    The threshold is left out where it was not kept, and empty where everything is accepted.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow("answered_by modalities false_alarm identified threshold".split())
    for source, some in found.items():
        for modalities, each in some.items():
            for row in _rows(each):
                writer.writerow([source, modalities, *map(_cell, row)])
    return out.getvalue()


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _rows(each: OpenSet) -> list[tuple[Any, ...]]:
    columns = each.curve or {}
    names = [name for name in ("false_alarm", "identified", "threshold") if name in columns]
    return list(zip(*(columns[name] for name in names), strict=True))


def picture(title: str, found: Found) -> str:
    """Return SVG: a panel for each source, with a line for each of the modalities.

    A dot marks the model's own threshold. Raises UsageError without a curve.
    """
    shown = {
        source: curves
        for source, some in found.items()
        if (curves := {name: each for name, each in some.items() if each.curve})
    }
    if not shown:
        raise UsageError("There is no curve to draw.")
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "mraf", "svg.fonttype": "none"}
    from matplotlib import pyplot

    size = (5.6 * len(shown), 4.2)
    drawing, axes = pyplot.subplots(
        1, len(shown), figsize=size, layout="constrained", squeeze=False, sharey=True
    )
    for axis, (source, curves) in zip(axes[0], shown.items(), strict=True):
        _panel(axis, source, curves)
    axes[0][0].set_ylabel("known people's clips named right")
    drawing.suptitle(title)
    out = io.StringIO()
    drawing.savefig(out, format="svg", metadata={"Date": None})
    pyplot.close(drawing)
    return out.getvalue()


def _panel(axis: Any, source: str, curves: Mapping[str, OpenSet]) -> None:
    from matplotlib.ticker import FuncFormatter, PercentFormatter

    for name, each in curves.items():
        label, dashes = LINES[name]
        rows = _rows(each)
        positive = [row for row in rows if row[0] > 0]
        # The axis is logarithmic: no false alarm at all is drawn at its left end.
        start = [(LEAST / 10, row[1]) for row in rows if row[0] <= 0]
        x, y = zip(*[row[:2] for row in (*start, *positive)], strict=True)
        (line,) = axis.step(x, y, where="post", linestyle=dashes, linewidth=1.8, label=label)
        if each.known is not None and each.strangers is not None:
            named = max(each.strangers.named, LEAST * 1.05)
            axis.plot(named, each.known.right, "o", color=line.get_color(), clip_on=False)
    axis.set_xscale("log")
    axis.set(xlim=(LEAST, 1), ylim=(0, 1.01), title=SOURCES[source])
    axis.title.set_fontsize("medium")
    axis.set_xlabel("strangers' clips named (dot: the model's threshold)")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
    axis.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axis.grid(alpha=0.25)
    for side in ("top", "right"):
        axis.spines[side].set_visible(False)
    axis.legend(loc="lower right", frameon=False)
