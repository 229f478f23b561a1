"""Talking videos of people who do not exist."""
