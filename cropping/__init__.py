"""Camera paths, rendered videos and smile GIFs of each person."""
