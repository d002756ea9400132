"""Train the detector on the project's dataset, and report its accuracy."""
