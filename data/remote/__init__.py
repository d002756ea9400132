"""Projects at an address: sync, locks, and tasks on other machines."""
