"""Upkeep of a workspace: clips whose files are gone, clips that are dropped, and speakers' names."""
