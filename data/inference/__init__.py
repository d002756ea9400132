"""Neural networks: runtimes, the files of dlib's models, and telemetry switched off."""
