"""The Watch page: videos, sound and thumbnails."""
