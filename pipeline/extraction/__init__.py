"""Extracting the features of many clips."""
