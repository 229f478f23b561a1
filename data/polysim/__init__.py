"""The files of the POLY-SIM challenge."""
