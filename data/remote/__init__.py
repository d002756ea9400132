"""Projects at an address: sync, locks and remote tasks."""
