"""The commands about people: enrol, forget."""
