"""Clips: where they lie, what they are called, and lists of them."""
