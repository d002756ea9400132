"""Rendering crops: decode once, resize, blur, encode, and mux with the sound."""
