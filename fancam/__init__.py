"""The command `fancam`: run every stage at once, and manage projects."""
