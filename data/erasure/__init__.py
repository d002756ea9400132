"""The proof that nothing of a forgotten person is left in a project."""
