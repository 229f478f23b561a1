"""Observations of a file: one pass over it, kept on disk part by part."""
