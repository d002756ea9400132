"""Times of a container: jumps and stray times, of pictures and of sound."""
