"""Faces of sampled frames: detector, embedder, quality, and tracklets."""
