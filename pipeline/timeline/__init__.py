"""Long videos: who speaks when, who is seen, and their names."""
