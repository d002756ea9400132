"""The Python API: projects, and the detection and embedding of faces alone."""
