"""The networks of face finding: detectors, embedders, and their graphs."""
