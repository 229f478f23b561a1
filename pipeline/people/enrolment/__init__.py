"""The parts of enrolment: samples and their rows, doubts about them, and the models that change."""
