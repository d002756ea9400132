"""Tracks scored against labels: IDF1, identity switches, coverage."""
