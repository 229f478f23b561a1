"""People of a file: voices and faces that belong together, and their names."""
