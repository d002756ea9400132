"""Training a detector that knows each person, and following each through every frame."""
