"""Known people and strangers: the probability that the person of a clip is enrolled."""
