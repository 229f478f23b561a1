"""FOP, the official baseline of the challenge."""
