"""The commands `mraf weights ...`: parse, call one function, print."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mraf.pipeline.commands.options import JsonOption, WeightsOption

app = typer.Typer(help="The encoders' published weights.", no_args_is_help=True)


@app.command("list")
def weights_list(weights_dir: WeightsOption = None, as_json: JsonOption = False) -> None:
    """Show the published weights and where they lie on this machine."""
    from mraf.extractors.weights import find_all
    from mraf.pipeline.commands import console

    found = find_all(weights_dir)
    console.print_json(found) if as_json else console.weights_table(found)


@app.command("get")
def weights_get(
    names: Annotated[
        list[str] | None, typer.Argument(help="facenet, ecapa; default: both.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch published weights into the cache and check them."""
    _weights(names, None, False, as_json)


@app.command("verify")
def weights_verify(
    names: Annotated[
        list[str] | None, typer.Argument(help="facenet, ecapa; default: both.")
    ] = None,
    weights_dir: WeightsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check the weights on this machine by their SHA-256."""
    _weights(names, weights_dir, True, as_json)


def _weights(names: list[str] | None, folder: Path | None, only_check: bool, as_json: bool) -> None:
    from mraf.extractors.weights import get_or_verify
    from mraf.pipeline.commands import console

    with console.download_bar(as_json) as progress:
        paths: dict[str, Any] = get_or_verify(names, folder, only_check, progress)
    if as_json:
        console.print_json({name: str(path) for name, path in paths.items()})
    else:
        for name, path in paths.items():
            console.out.print(f"{name}: {path} is as published", markup=False)
