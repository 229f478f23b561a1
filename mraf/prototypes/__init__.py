"""Heads that compare with prototypes of each speaker."""
