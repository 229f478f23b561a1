"""The command `mraf`: the tree of its commands, its exit codes, and how errors are shown."""

import signal
import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from typer.exceptions import TyperException

from mraf import __version__
from mraf.errors import MrafError
from mraf.extractors.names import EARLIER
from mraf.pipeline.commands import features, polysim, weights
from mraf.pipeline.commands.doctor import doctor
from mraf.pipeline.commands.evaluate import evaluate
from mraf.pipeline.commands.extract.command import extract
from mraf.pipeline.commands.identify import identify
from mraf.pipeline.commands.people import groups
from mraf.pipeline.commands.people.compare import compare
from mraf.pipeline.commands.people.enrol import enrol, forget
from mraf.pipeline.commands.people.find import find
from mraf.pipeline.commands.sample import demo, sample
from mraf.pipeline.commands.terminal.output import as_json, visible
from mraf.pipeline.commands.timeline.command import timeline
from mraf.pipeline.commands.train import train

INTERRUPTED = 130
CLOSED_PIPE = 128 + 13  # as a shell reports SIGPIPE

app = typer.Typer(
    name="mraf",
    help="Name the speakers in videos, in any language, even when no face is seen.\n\n"
    "mraf extract videos/   mraf train   mraf identify clip.mp4",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (extract, train, evaluate, identify, timeline, sample, demo, doctor):
    app.command()(command)
app.command()(enrol)
app.command()(forget)
app.command()(compare)
app.command()(features.rename)
app.command()(groups.cluster)
app.command()(groups.name)
app.command()(find)
app.add_typer(weights.app, name="weights")
app.add_typer(features.app, name="features")
app.add_typer(polysim.app, name="polysim")


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"mraf {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options that stand before the command."""


def main() -> None:
    """Run the command `mraf` with the arguments of this process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    """Run one command and return its exit code (docs/guide.md: 0, 1, 2, 3, 130)."""
    try:
        command = typer.main.get_command(app)
        code = int(command.main(arguments, prog_name="mraf", standalone_mode=False, obj=_run) or 0)
    except MrafError as error:
        more = {"problems": list(error.problems)} if error.problems else {}
        return _fail(str(error), error.exit_code, arguments, {**more, **error.details})
    except TyperException as error:
        message = getattr(error, "format_message", error.__str__)()
        message = message.replace("Value error, ", "")  # pydantic's words
        return _fail(message + _of_earlier_versions(message), 2, arguments)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except SystemExit as end:
        # typer ends a completion with code 0, and with 1 if nobody reads the output, as with `| head`.
        return CLOSED_PIPE if end.code else 0
    if code == INTERRUPTED and arguments[:1] != ["demo"]:  # the command in hand has reported it
        return _fail(_INTERRUPTED.get(arguments[0], "Interrupted."), code, arguments)
    return code


def _of_earlier_versions(message: str) -> str:
    """Return what there is to add to a message about a choice that earlier versions had."""
    named = (title for name, title in EARLIER.items() if f"'{name}' is not one of" in message)
    return "".join(f" {title} was an encoder of earlier versions of mraf." for title in named)


_INTERRUPTED = {
    "extract": "Interrupted. Finished clips are kept: the same command goes on from there.",
    "enrol": "Interrupted. Nobody was enrolled.",
    "timeline": "Interrupted. What was done is kept: `mraf timeline` of the same files goes on from there.",
    "train": "Interrupted. No model was written; a model that had this name is unchanged.",
}


def _fail(
    message: str, code: int, arguments: list[str], more: Mapping[str, object] | None = None
) -> int:
    """Print an error and return its exit code. `more` is for JSON."""
    if "--json" in arguments:
        print(as_json({"error": message, **(more or {})}))
    is_help = message.startswith("Usage:")  # a command without the arguments that it needs
    shown = "\n".join(visible(line) for line in message.split("\n"))
    print(shown if is_help else f"mraf: {shown}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
