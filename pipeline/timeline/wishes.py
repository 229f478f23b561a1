"""What somebody wants of timelines, checked before work starts."""

from collections.abc import Sequence
from dataclasses import dataclass

from mraf.errors import UsageError
from mraf.pipeline.answers import people

DEFAULT_FORMATS = ("json", "rttm", "vtt", "srt", "txt", "csv", "html")
"""Formats that are written without being asked for: all that take no time."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Formats, the number of people who speak, and how names are given."""

    formats: tuple[str, ...] = DEFAULT_FORMATS
    embed: bool = False
    speakers: int | None = None  # who speak in each file, where that is known
    least: int = 1
    most: int | None = None
    model: str | None = None
    threshold: float | None = None


def checked_wishes(
    *,
    formats: Sequence[str] | str | None,
    embed: bool,
    speakers: int | None,
    min_speakers: int | None,
    max_speakers: int | None,
    model: str | None,
    threshold: float | None,
) -> Wishes:
    """Return the wishes. Raises UsageError where they cannot be, or exclude each other."""
    people.check_threshold(threshold)
    named = (("speakers", speakers), ("min-speakers", min_speakers), ("max-speakers", max_speakers))
    for name, number in named:
        if number is not None and number < 1:
            raise UsageError(
                f"--{name} {number}: at least 1 person speaks. Leave it out to have them counted."
            )
    if speakers is not None and (min_speakers is not None or max_speakers is not None):
        raise UsageError(
            "--speakers says how many people speak: leave out --min-speakers and --max-speakers."
        )
    if min_speakers and max_speakers and min_speakers > max_speakers:
        raise UsageError(
            f"--min-speakers {min_speakers} is more than --max-speakers {max_speakers}."
        )
    wanted = checked_formats(formats)
    if embed and "html" not in wanted:
        raise UsageError("--embed puts the video into the HTML page: add html to --formats.")
    return Wishes(
        formats=wanted,
        embed=embed,
        speakers=speakers,
        least=min_speakers or 1,
        most=max_speakers,
        model=model,
        threshold=threshold,
    )


def checked_formats(formats: Sequence[str] | str | None) -> tuple[str, ...]:
    """Return formats, `json` always among them; a text names several with commas. Raises UsageError."""
    from mraf.errors import choices
    from mraf.pipeline.timeline.outputs.write import FORMATS

    if formats is None:
        return DEFAULT_FORMATS
    listed = [formats] if isinstance(formats, str) else formats
    names = [name.strip().lower().removeprefix(".") for each in listed for name in each.split(",")]
    names = [name for name in names if name]
    if not names:
        raise UsageError(f"--formats names none {choices('', ['all', *FORMATS])}")
    for name in names:
        if name not in FORMATS and name != "all":
            raise UsageError(f"There is no format '{name}' {choices(name, ['all', *FORMATS])}")
    return tuple(name for name in FORMATS if name == "json" or name in names or "all" in names)
