"""From face tracks to people who are seen, and to the face that speaks in a turn."""
