"""Erasure of a person from the people file, and the search for residues in a project."""
