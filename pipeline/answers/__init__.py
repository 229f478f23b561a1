"""The answer to a clip: who speaks, on which grounds, and what is worth knowing of it."""
