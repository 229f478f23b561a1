"""Data on disk: clips, the feature table, the challenge's files, sample videos."""
