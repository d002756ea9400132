"""Erasure of a person from the people's file, and the search for residues in a project."""
