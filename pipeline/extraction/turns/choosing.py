"""The networks that cut files into turns, where their weights are at hand."""

from contextlib import suppress
from pathlib import Path

from mraf.errors import MrafError
from mraf.extractors import weights
from mraf.extractors.weights import PUBLISHED, Progress
from mraf.pipeline.extraction.turns.options import TurnOptions
from mraf.pipeline.extraction.turns.work import set_up

NEEDED, USEFUL = "segmentation", "lr_asd"
"""The network that hears changes of speaker, and the one that sees who speaks."""


def choose_turns(
    wanted: bool | None,
    *,
    workspace: Path | None = None,
    weights_dir: Path | None = None,
    offline: bool = False,
    progress: Progress | None = None,
) -> TurnOptions | None:
    """Return how files are cut into turns; None where none is to be.

    Args:
        wanted: True for all files, None for those that are long, False for none.
        workspace: that keeps the observations of files; None: nowhere.
        weights_dir: a folder that may hold the networks' published weights.
        offline: never use the network.
        progress: called while weights are fetched, which only True does.

    Raises MissingError where all files are wanted and the weights are not there.
    """
    if wanted is False:
        return None
    try:
        found = weights.get(
            PUBLISHED[NEEDED],
            weights_dir=weights_dir,
            offline=offline or not wanted,
            progress=progress,
        )
    except MrafError:
        if wanted:
            raise
        return TurnOptions(set_up=None)
    networks = {NEEDED: found}
    with suppress(MrafError):  # without it, faces and voices are joined over the whole file
        networks[USEFUL] = weights.get(PUBLISHED[USEFUL], weights_dir=weights_dir, offline=True)
    sums = {name: PUBLISHED[name].sha256 for name in networks}
    return TurnOptions(
        set_up=set_up, always=bool(wanted), networks=networks, sums=sums, workspace=workspace
    )
