"""Sound and picture that are out of step."""
