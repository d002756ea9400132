"""The Label page: label faces in bulk."""
