"""The project folder: paths, footages, finished stages, and generated files."""
