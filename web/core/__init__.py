"""Projects, security, errors and templates that all pages share."""
