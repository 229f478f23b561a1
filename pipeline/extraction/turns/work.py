"""From a file to its turns: observed in one pass, its voices told apart, its faces joined to them."""

from mraf.errors import MrafError
from mraf.extractors.encoders import EncoderPair
from mraf.extractors.extractor import ExtractOptions
from mraf.pipeline.extraction.turns.options import TurnOptions, TurnsOf


def set_up(
    encoders: EncoderPair,
    options: ExtractOptions,
    turns: TurnOptions,
    device: str,
    precision: str,
) -> TurnsOf:
    """Load the networks; return the function that finds the turns of a clip."""
    raise MrafError("not yet")
