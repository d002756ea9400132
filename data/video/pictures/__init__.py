"""Pictures: reading, colours, animations, folders of them, and JPEG files."""
