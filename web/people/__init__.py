"""The People page: reviewing who is who."""
