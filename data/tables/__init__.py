"""Tables exchanged between the stages: faces, tracks, people, timeline, dataset and labels."""
