"""What every command shares: the parser, exit codes, and the footages it is given."""
