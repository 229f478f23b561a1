"""Child processes that decode files: what both ends of the pipe need."""
