"""The streams of a long file, decoded and placed on the clock that a player shows."""
