"""Link faces to tracklets, name these, interpolate gaps and smooth."""
