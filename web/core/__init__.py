"""The library of projects, security, errors, and templates that every page shares."""
