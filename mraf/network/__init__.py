"""The network of the paper, equations 2 to 17."""
