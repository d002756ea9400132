"""The project folder: paths, footages, records of finished stages, and generated files."""
