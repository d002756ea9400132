"""The project folder: paths, footages, finished stages, and the files that fancam wrote."""
