"""The commands `mraf weights ...`."""

from pathlib import Path
from typing import Annotated

import typer

from mraf.extractors.names import WeightsName
from mraf.pipeline.commands.terminal.options import JsonOption, WeightsOption
from mraf.pipeline.commands.terminal.output import escape, print_json, show, show_rows

app = typer.Typer(
    help="List, fetch and check the published weights of the networks.", no_args_is_help=True
)

NamesArgument = Annotated[
    list[WeightsName] | None, typer.Argument(metavar="NAME", help="Network. Default: all.")
]


@app.command("list")
def list_(weights_dir: WeightsOption = None, as_json: JsonOption = False) -> None:
    """List the published weights and where they are on this machine."""
    from mraf.extractors.weights import PUBLISHED, find_all

    found = find_all(weights_dir)
    if as_json:
        print_json(found)
        return
    rows = [
        (file.spoken, file.filename, f"{file.size / 1e6:.0f} MB", file.licence, str(found[name] or "not here"))
        for name, file in PUBLISHED.items()
    ]  # fmt: skip
    show_rows("Published weights", ("Network", "File", "Size", "Licence", "Path"), rows)


@app.command()
def get(names: NamesArgument = None, as_json: JsonOption = False) -> None:
    """Fetch published weights and check them."""
    _get_or_verify(names, folder=None, only_check=False, as_json=as_json)


@app.command()
def verify(
    names: NamesArgument = None, weights_dir: WeightsOption = None, as_json: JsonOption = False
) -> None:
    """Check the weights on this machine by their SHA-256."""
    _get_or_verify(names, folder=weights_dir, only_check=True, as_json=as_json)


def _get_or_verify(
    names: list[WeightsName] | None, *, folder: Path | None, only_check: bool, as_json: bool
) -> None:
    from mraf.extractors.weights import get_or_verify
    from mraf.pipeline.commands.terminal.bars import download_bar

    with download_bar(as_json) as progress:
        paths = get_or_verify(
            [*map(str, names or [])],
            weights_dir=folder,
            only_check=only_check,
            progress=progress,
        )
    if as_json:
        print_json({name: str(path) for name, path in paths.items()})
    else:
        for name, path in paths.items():
            show(escape(f"{name}: {path} is as published"))
