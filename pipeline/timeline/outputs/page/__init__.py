"""The page: a player, faces, and a lane a person, in one file."""
