"""The command `fancam`: run all stages in one command, and manage projects."""
