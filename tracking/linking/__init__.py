"""Link detections to tracks: tracklets, identity, interpolation and smoothing."""
