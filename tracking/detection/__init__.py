"""The trained detector run on every frame, and cuts between shots."""
