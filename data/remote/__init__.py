"""Projects at an address: synchronisation, locks, and tasks on other machines."""
