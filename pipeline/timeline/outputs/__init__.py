"""Outputs of a timeline, each written from it alone."""
