"""Who of those seen speaks: LR-ASD, from the movement of a face and the sound."""
