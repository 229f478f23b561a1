"""What `mraf features info` shows to a person."""

from typing import TYPE_CHECKING

from mraf.pipeline.commands.console import escape, out
from mraf.pipeline.quality import Figures, figures

if TYPE_CHECKING:
    from mraf.data.table.features import FeatureTable

BARS, PLAIN_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
_SHOWN = {  # title and format of each figure
    "face_frames": ("face, frames", "{:.0f}"),
    "face_size": ("face, pixels high", "{:.0f}"),
    "face_quality": ("face, confidence", "{:.3f}"),
    "face_steadiness": ("face, steadiness", "{:.3f}"),
    "face_sharpness": ("face, sharpness", "{:.0f}"),
    "voice_seconds": ("voice, seconds", "{:.1f}"),
    "voice_quality": ("voice, confidence", "{:.3f}"),
    "voice_snr": ("voice, SNR in dB", "{:.1f}"),
}


def features_info(table: "FeatureTable") -> None:
    """Summary of `mraf features info`."""
    info = table.summary()
    out.print(
        f"[bold]{escape(str(table.folder))}[/]: {info['clips']} clips, {info['speakers']} speakers"
    )
    for key in ("languages", "face_missing", "voice_missing", "extractors"):
        rows = ", ".join(f"{escape(str(name))} ({n})" for name, n in info[key].items())
        out.print(f"  {key.replace('_', ' '):<14} {rows or 'none'}")
    if info["failed"]:
        out.print(f"  failed         {info['failed']}")
    _print_figures(figures(table))


def bars(counts: tuple[int, ...], ramp: str) -> str:
    """A histogram in one line: a character a bin, blank only where the bin is empty."""
    top = len(ramp) - 1
    return "".join(ramp[-(-count * top // max(counts))] for count in counts)


def _print_figures(found: Figures) -> None:
    if found.several_people is not None:
        out.print(f"  {'several people':<14} {found.several_people or 'none'}")
    if not found.spreads:
        return
    ramp = PLAIN_BARS if out.options.ascii_only else BARS
    out.print(f"\n  {'':<18}{'clips':>8}{'median':>9}{'5 %':>8}{'95 %':>8}   lowest to highest")
    for name, spread in found.spreads.items():
        title, form = _SHOWN[name]
        numbers = (f"{form.format(v):>8}" for v in (spread.median, spread.p5, spread.p95))
        line = f"  {title:<18}{spread.clips:>8} {''.join(numbers)}   {bars(spread.counts, ramp)}"
        out.print(line.rstrip(), markup=False)
