"""Training the detector on the project's dataset, and its report."""
