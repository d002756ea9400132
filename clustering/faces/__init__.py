"""From frames to faces: detector, embedder, quality, and tracklets."""
