"""Tasks, the segments they work on, and the runners that run them."""
