"""Options of `mraf timeline`, and what they are taken together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mraf.errors import UsageError
from mraf.extractors.names import Face, Voice
from mraf.pipeline.timeline.outputs.write import FORMATS

_LISTED = ", ".join(
    f"{name} ({each.short})" if each.short else name for name, each in FORMATS.items()
)


def formats_like(incomplete: str) -> list[str]:
    """Return formats for completion by the shell."""
    done, comma, last = incomplete.rpartition(",")
    return [f"{done}{comma}{name}" for name in ("all", *FORMATS) if name.startswith(last)]


VideosArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="VIDEO",
        help="Videos, sound files, or folders of them. To correct: one video, or the folder of its outputs.",
    ),
]
OutOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the outputs, with one in it for each file. Default: ./timelines.",
    ),
]
FormatsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,...",
        help=f"Formats to write: {_LISTED}, or all. Default: all but eaf and mp4.",
        autocompletion=formats_like,
    ),
]
EmbedOption = Annotated[
    bool,
    typer.Option("--embed", help="Put the video into the HTML page, in place of a link to it."),
]
SpeakersOption = Annotated[
    int | None,
    typer.Option(metavar="N", help="Number of people who speak in each file. Default: counted."),
]
MinSpeakersOption = Annotated[
    int | None, typer.Option(metavar="N", help="Least number of people who speak in each file.")
]
MaxSpeakersOption = Annotated[
    int | None, typer.Option(metavar="N", help="Largest number of people who speak in each file.")
]
ThresholdOption = Annotated[
    float | None,
    typer.Option(
        help="Least probability, 0 to 1, that a person is enrolled for a name. Default: the model's."
    ),
]
RenameOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="OLD=NEW",
        help='Correct the timeline that is there: "unknown 1=Ann". Makes one of two where Ann is in it '
        'already; "Ann=unknown" takes a name away. May be repeated.',
    ),
]
SplitOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME@FROM-TO=NEW",
        help='Correct the timeline that is there: "Ann@12:30-14:00=Bob" gives Bob (or unknown) what Ann '
        "says in this time. May be repeated.",
    ),
]
EnrolOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        help="Enrol this person of the timeline in the model, by the face and the voice in this file. May "
        "be repeated.",
    ),
]
NoCorrectionsOption = Annotated[
    bool,
    typer.Option(
        "--no-corrections",
        help="Set aside the corrections that were made by hand, as corrections.old.json. To have them again, "
        "name this file corrections.json.",
    ),
]
FaceOption = Annotated[
    Face,
    typer.Option(
        help="Face encoder. auto: the model's or the table's, else facenet if available. Timelines were measured "
        "with dlib."
    ),
]
VoiceOption = Annotated[
    Voice,
    typer.Option(
        help="Voice encoder. auto: the model's or the table's, else ecapa if available. Timelines were measured "
        "with campplus."
    ),
]


@dataclass(frozen=True, kw_only=True)
class Corrections:
    """What is to be corrected in a timeline, and who is to be enrolled from it."""

    rename: tuple[str, ...]
    split: tuple[str, ...]
    enrol: tuple[str, ...]

    @classmethod
    def of(cls, options: dict[str, Any]) -> "Corrections | None":
        """Take them out of the options of the command; None where there are none.

        Raises UsageError for options beside them that are for making a timeline.
        """
        rename, split, enrol = (
            tuple(options.pop(name) or ()) for name in ("rename", "split", "enrol")
        )
        if not (rename or split or enrol):
            return None
        of_making = ("formats", "embed", "speakers", "min_speakers", "max_speakers", "threshold")
        given = [options.pop(name) for name in of_making]
        given.append(not options.pop("corrections"))
        if any(each is not None and each is not False for each in given):
            raise UsageError(
                "--rename, --split and --enrol correct the timeline that is there: give formats, numbers of speakers "
                "and the like in a command of their own."
            )
        return cls(rename=rename, split=split, enrol=enrol)
