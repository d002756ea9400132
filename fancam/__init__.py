"""The front door: every stage by one command, and what else one does with a project."""
