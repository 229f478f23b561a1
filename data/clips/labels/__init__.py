"""Labels: what the paths of clips tell of speakers, languages and recordings."""
