"""The commands on people: one module a group of commands."""
