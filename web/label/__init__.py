"""The Label page: labels faces in bulk."""
