"""Clips: media files, their names and labels, and lists of them."""
