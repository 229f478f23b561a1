"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar="MRAF_WORKSPACE",
        show_envvar=False,
        help="Folder for features, models and reports; default ./mraf-workspace or $MRAF_WORKSPACE.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ModelOption = Annotated[
    str | None, typer.Option("--model", help="Name of the model; default: the one trained last.")
]
WeightsOption = Annotated[
    Path | None,
    typer.Option("--weights-dir", help="A folder that holds the published weights."),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
ModeOption = Annotated[
    str,
    typer.Option(
        help="single: each clip alone; setting: together with the other unlabelled clips of its "
        "setting; cross: with their faces too, even where faces are hidden."
    ),
]
