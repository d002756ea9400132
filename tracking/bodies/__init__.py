"""Bodies: detected in every frame, linked within a shot, and named by the faces in them."""
