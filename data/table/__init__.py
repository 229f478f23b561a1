"""The feature table on disk."""
