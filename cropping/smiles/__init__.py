"""Scoring and selection of smiles, and GIFs of the best ones."""
