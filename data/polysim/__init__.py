"""Files of the POLY-SIM challenge."""
