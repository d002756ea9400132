"""Tasks, the segments that they process, and the runners that execute them."""
