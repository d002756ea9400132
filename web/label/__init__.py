"""The Label page: one question about many faces."""
