"""Conversion of stored frames to the frames that a player displays."""
