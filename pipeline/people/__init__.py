"""The people that a workspace knows: who comes, who goes, and how their clips are judged."""
