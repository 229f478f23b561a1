"""The command `mraf extract`."""
