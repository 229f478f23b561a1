"""MRAF with prototype heads: the network of the paper, started at whitened prototypes, trained in episodes."""
