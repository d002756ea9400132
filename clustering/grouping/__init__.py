"""Grouping of faces into people: linkage, DBSCAN, and review constraints."""
