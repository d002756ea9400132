"""Face models that are fetched: a catalogue, where their files are, and how they get there."""
