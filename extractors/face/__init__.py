"""Finding, following and embedding faces."""
