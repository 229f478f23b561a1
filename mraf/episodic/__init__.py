"""MRAF with prototype heads: started at whitened prototypes, and trained in episodes."""
