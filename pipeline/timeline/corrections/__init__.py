"""Corrections by hand: who somebody is, who are one person, and which turns are another's."""
