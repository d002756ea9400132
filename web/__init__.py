"""Local web pages: watch the videos in sync, review people, label faces."""
