"""Smiles: scoring, selection, and the GIFs of them."""
