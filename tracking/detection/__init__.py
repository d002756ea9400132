"""Detect people, bodies, cuts and the camera's motion in every frame."""
