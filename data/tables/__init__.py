"""The tables that stages hand to each other: faces, tracks, people, timeline, dataset, labels."""
