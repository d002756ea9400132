"""The People page: review of the people in a project."""
