"""Long files in one pass: what is shown and heard, slice after slice, on the clock that a player shows."""
