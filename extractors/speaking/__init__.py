"""Faces that are seen speaking, by LR-ASD, from the movement of a face and the sound."""
