"""Links between faces and voices, and the corrections that each makes to the other."""
