"""The command `mraf timeline`."""
