"""From faces to people: linkage, DBSCAN, and what reviewers decided."""
