"""The table of features on disk."""
