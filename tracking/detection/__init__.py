"""Run the trained detector on every frame, and detect cuts between shots."""
