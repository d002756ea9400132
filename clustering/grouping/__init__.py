"""From faces to people: linkage, DBSCAN, and review constraints."""
