"""Raw media to embeddings: the only code that imports the encoders' libraries."""
