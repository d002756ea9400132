"""Code of every command line: parser, exit codes, and resolution of footage arguments."""
