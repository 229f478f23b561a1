"""Measurement of who gets a name: known people and strangers."""
