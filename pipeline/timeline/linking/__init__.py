"""Whose face belongs to which voice, and what each tells of the other."""
