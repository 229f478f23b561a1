"""What goes in and what lies on disk: clips, the feature table, sample videos."""
