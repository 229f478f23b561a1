"""From voices in windows to turns of one voice each."""
