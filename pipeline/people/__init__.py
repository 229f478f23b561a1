"""The people of a workspace: who is enrolled, who is alike, who is not named yet, and where they appear."""
