"""Pictures of people who do not exist."""
