"""The commands `mraf features ...`: parse, call one function, print."""

from pathlib import Path
from typing import Annotated

import typer

from mraf.pipeline.commands.options import JsonOption, WorkspaceOption

app = typer.Typer(help="The table of extracted features.", no_args_is_help=True)


@app.command("info")
def features_info(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> None:
    """Summarise the feature table: whose clips, and how good the faces and voices in them are."""
    from mraf.pipeline.commands import console, console_features
    from mraf.pipeline.quality import figures
    from mraf.pipeline.workspace import Workspace

    table = Workspace.at(workspace).table
    if as_json:
        console.print_json(table.summary() | figures(table).as_dict())
    else:
        console_features.features_info(table)


@app.command("export")
def features_export(
    file: Annotated[Path, typer.Argument(help="A new .csv or .parquet file.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the feature table into one file."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.workspace import Workspace

    count = Workspace.at(workspace).table.export(file)
    if as_json:
        console.print_json({"file": str(file), "clips": count})
    else:
        console.out.print(f"{count} clips in {console.escape(str(file))}")


@app.command("remove")
def features_remove(
    speaker: Annotated[str, typer.Argument(help="Whose clips to forget.")],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget a speaker: their clips leave the table (train anew to forget them in a model)."""
    from mraf.pipeline.commands import console
    from mraf.pipeline.workspace import Workspace

    count = Workspace.at(workspace).table.remove(speaker)
    if as_json:
        console.print_json({"speaker": speaker, "clips": count})
    else:
        console.out.print(
            f"{count} clips of {console.escape(speaker)} removed; models keep what they learned"
        )
