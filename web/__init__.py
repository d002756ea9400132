"""The local pages: watching the videos in sync, and reviewing who is who."""
