"""Search for residues of an erased person in a project."""
