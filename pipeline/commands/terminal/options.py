"""Options that several commands share, and the choices that options offer.

The pipeline's tables hold the same choices, but take seconds to import; a test compares them.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

ModelType = StrEnum("ModelType", ["prototypes", "mraf", "fop"])
Preset = StrEnum("Preset", ["default", "cosine", "paper", "authors"])
Mode = StrEnum("Mode", ["single", "setting", "cross"])
Precision = StrEnum("Precision", ["auto", "single", "bfloat16"])
Version = StrEnum("Version", ["v1", "v2", "v3"])  # of POLY-SIM


def _devices() -> list[str]:
    return ["auto", "cpu", "cuda"]


def _models(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the names of the workspace's models, for completion by the shell."""
    from mraf.checkpoint import model_folders
    from mraf.pipeline.workspace import Workspace

    folders = model_folders(Workspace.at(ctx.params.get("workspace")).models)
    return sorted(folder.name for folder in folders if folder.name.startswith(incomplete))


WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        envvar="MRAF_WORKSPACE",
        show_envvar=False,
        help="Folder of features, models and reports. Default: $MRAF_WORKSPACE or ./mraf-workspace.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Name of the model. Default: the model trained last.",
        autocompletion=_models,
    ),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option("--weights-dir", help="Folder with downloaded weights of the encoders."),
]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never use the network.")]
DeviceOption = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="<auto|cpu|cuda>",
        help="Where to compute. auto: on a GPU if there is one.",
        autocompletion=_devices,
    ),
]
PrecisionOption = Annotated[
    Precision,
    typer.Option(
        "--precision",
        help="Of the encoders' arithmetic on a CPU, for what is embedded now. auto: bfloat16 where the "
        "processor has AMX.",
    ),
]
AudioTrackOption = Annotated[
    str | None,
    typer.Option(
        "--audio-track",
        metavar="N|LANGUAGE",
        help="Sound to read in files with several tracks: number, as players count, or language (en, eng, "
        "English). Default: the best.",
    ),
]
VideoTrackOption = Annotated[
    int | None,
    typer.Option(
        "--video-track",
        metavar="N",
        min=1,
        help="Picture to read in files with several: number. Default: the best.",
    ),
]
VersionOption = Annotated[
    Version, typer.Option("--version", help="v1: English and Urdu. v2: Hindi. v3: German.")
]
ModeOption = Annotated[
    Mode,
    typer.Option(
        help="single: each clip alone. setting: together with the other unlabelled clips of its "
        "setting. cross: as setting, and with their faces even in P4 and P6, which hide faces."
    ),
]
