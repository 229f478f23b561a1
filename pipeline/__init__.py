"""The stages: one public function for each command, which returns a report and prints nothing."""
