"""Colours of people, told apart with any kind of colour vision (those of Okabe and Ito)."""

COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#B8A900")
"""In the order of a timeline's people; after the last the first comes again."""

INK = ("#FFFFFF", "#000000", "#000000", "#000000", "#000000", "#000000", "#000000")
"""Of text on these colours."""

NOBODY = "#8A929B"
"""Of faces of which too little is seen."""


def colour_of(position: int) -> tuple[str, str]:
    """Return the colour of a timeline's person, and of text on it."""
    return COLOURS[position % len(COLOURS)], INK[position % len(INK)]
