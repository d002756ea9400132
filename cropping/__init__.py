"""The camera path, one rendered video a person, and the GIFs of their smiles."""
