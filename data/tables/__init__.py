"""The tables that the stages exchange: faces, tracks, people, timeline, dataset, labels."""
