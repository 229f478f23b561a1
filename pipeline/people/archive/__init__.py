"""The people of an archive: groups of clips that nobody has named, their names, and where somebody appears."""
