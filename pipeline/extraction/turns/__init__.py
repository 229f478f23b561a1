"""Long files as rows of turns: a row for each stretch in which one person speaks."""
