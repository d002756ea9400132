"""Smiles: scoring, selection, and GIFs of the best ones."""
