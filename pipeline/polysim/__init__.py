"""The protocol of the POLY-SIM challenge."""
