"""Runtimes for neural networks, the files of dlib's models, and disabling of telemetry."""
