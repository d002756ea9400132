"""Reading and writing video, single images, and what a footage is before it is read."""
