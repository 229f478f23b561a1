"""Finding speech and embedding voices."""
