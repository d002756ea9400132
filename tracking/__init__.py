"""Train a detector of a project's people, and track each person through every frame."""
